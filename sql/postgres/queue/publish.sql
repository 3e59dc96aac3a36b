-- Stores events that are due now and wakes their consumers.
-- Returns the database's time.
-- Params: ids (JSON array), payloads (JSON array of what is published, in the order of the ids), channel, priority,
-- max_attempts (of all of them), details (JSON array in the same order of {channel, priority, metadata, dedupe_key,
-- max_attempts}, metadata as JSON text, where the events are not alike or have metadata or keys; else empty), topics (JSON
-- array of NOTIFY topics).
-- Events are mostly alike, and a list for each column is read a third faster than an object for each event. A payload is
-- taken out of its list as it was written: functions that look into JSON refuse some of it (a lone surrogate, a NUL).
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
)
select
  (date_part('epoch', statement_timestamp()) * 1000)::bigint as now_ms,
  (select count(pg_notify(t.topic, '')) from json_array_elements_text(:topics::json) as t (topic)) as notified
