-- Stores events like publish.sql, where an attempt before this one may have stored some: what is there stays. To look for
-- each costs a third as much as to insert it, which is why a first attempt does not.
-- Returns the database's time.
-- Params: ids (JSON array), payloads (JSON array), channel, priority, max_attempts, details (JSON
-- array of {channel, priority, metadata, dedupe_key, max_attempts}), topics (JSON array of NOTIFY topics).
with stored as (
  insert into rowcast.queue (
    channel, priority, id, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at
  )
  select
    coalesce(e.channel, :channel), coalesce(e.priority, :priority::smallint), e.id::uuid, e.payload, e.metadata::json,
    e.dedupe_key, 0, coalesce(e.max_attempts, :max_attempts::integer), statement_timestamp(), statement_timestamp()
  from rows from (
    json_array_elements_text(:ids::json),
    json_array_elements(:payloads::json),
    json_to_recordset(:details::json) as (
      channel text, priority smallint, metadata text, dedupe_key text, max_attempts integer
    )
  ) as e (id, payload, channel, priority, metadata, dedupe_key, max_attempts)
  on conflict do nothing
)
select
  (date_part('epoch', statement_timestamp()) * 1000)::bigint as now_ms,
  (select count(pg_notify(t.topic, '')) from json_array_elements_text(:topics::json) as t (topic)) as notified
