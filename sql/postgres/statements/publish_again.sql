-- Stores events like publish.sql, where an attempt before this one may have stored some: what is there stays. To look for
-- each costs a third as much as to insert it, which is why a first attempt does not.
-- Returns the database's time.
-- Params: events (JSON array of {channel, priority, id, payload, metadata, dedupe_key, max_attempts}; payload and
-- metadata are JSON text), topics (JSON array of NOTIFY topics).
with stored as (
  insert into rowcast.queue (
    channel, priority, id, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at
  )
  select
    e.channel, e.priority, e.id, e.payload::json, e.metadata::json, e.dedupe_key, 0, e.max_attempts,
    statement_timestamp(), statement_timestamp()
  from json_to_recordset(:events::json) as e (
    channel text, priority smallint, id uuid, payload text, metadata text, dedupe_key text, max_attempts integer
  )
  on conflict do nothing
)
select
  date_part('epoch', statement_timestamp()) * 1000 as now_ms,
  (select count(pg_notify(t.topic, '')) from json_array_elements_text(:topics::json) as t (topic)) as notified
