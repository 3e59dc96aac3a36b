-- Stores events that become due later; a row that is already there (a repeated attempt) stays.
-- Params: events (JSON array of {channel, priority, id, payload, metadata, dedupe_key, max_attempts, delay_ms,
-- available_at_ms}; of the last two one is null).
insert into rowcast.scheduled (
  id, channel, priority, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at
)
select
  e.id, e.channel, e.priority, e.payload::json, e.metadata::json, e.dedupe_key, 0, e.max_attempts,
  statement_timestamp(),
  coalesce(
    to_timestamp(e.available_at_ms / 1000),
    statement_timestamp() + e.delay_ms * interval '1 millisecond'
  )
from json_to_recordset(:events::json) as e (
  channel text, priority smallint, id uuid, payload text, metadata text, dedupe_key text, max_attempts integer,
  delay_ms double precision, available_at_ms double precision
)
on conflict do nothing
