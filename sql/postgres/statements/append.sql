-- Appends events to the log, where they wait for their position, and wakes the readers; a row that is already there (a
-- repeated attempt) stays. Returns the database's time.
-- Params: events (JSON array of {id, channel, payload, metadata, retried}; payload and metadata are JSON text; retried:
-- an earlier attempt may have arrived), topics (JSON array of NOTIFY topics).
with stored as (
  insert into rowcast.log_incoming (id, channel, payload, metadata, created_at, retried)
  select e.id, e.channel, e.payload::json, e.metadata::json, statement_timestamp(), e.retried
  from json_to_recordset(:events::json) as e (id uuid, channel text, payload text, metadata text, retried boolean)
  on conflict do nothing
)
select
  extract(epoch from statement_timestamp()) * 1000 as now_ms,
  (select count(pg_notify(t.topic, '')) from json_array_elements_text(:topics::json) as t (topic)) as notified
