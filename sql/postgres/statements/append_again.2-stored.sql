-- What is there stays: among those that wait for their positions, or in the log, where it is looked up among the last
-- million positions, once for all of them. Returns the database's time.
-- Params: ids, payloads, channel, details (JSON array of {channel, metadata}), topics (as append.sql has them).
with events as materialized (
  select coalesce(e.channel, :channel) as channel, e.id::uuid as id, e.payload, e.metadata::json as metadata
  from rows from (
    json_array_elements_text(:ids::json),
    json_array_elements(:payloads::json),
    json_to_recordset(:details::json) as (channel text, metadata text)
  ) as e (id, payload, channel, metadata)
),
known as materialized (
  select l.id
  from rowcast.log l
  where l.channel in (select e.channel from events e)
    and l.position > (select h.position from rowcast.log_head h where h.id = 1) - 1000000
    and l.id in (select e.id from events e)
),
stored as (
  insert into rowcast.log_incoming (id, channel, payload, metadata, created_at)
  select e.id, e.channel, e.payload, e.metadata, statement_timestamp()
  from events e
  where e.id not in (select k.id from known k)
  on conflict do nothing
)
select
  date_part('epoch', statement_timestamp()) * 1000 as now_ms,
  (select count(pg_notify(t.topic, '')) from json_array_elements_text(:topics::json) as t (topic)) as notified
