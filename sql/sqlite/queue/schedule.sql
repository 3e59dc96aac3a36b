-- Stores events that become due later; a row that is already there (a repeated attempt) stays.
-- Params: events (JSON array of {channel, priority, id, payload, metadata, dedupe_key, max_attempts, delay_ms,
-- available_at_ms}; of the last two one is null).
insert into rowcast_scheduled (
  id, channel, priority, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at
)
select
  e.value ->> 'id', e.value ->> 'channel', e.value ->> 'priority', e.value ->> 'payload', e.value ->> 'metadata',
  e.value ->> 'dedupe_key', 0, e.value ->> 'max_attempts', cast(unixepoch('subsec') * 1000 as integer),
  cast(
    coalesce(e.value ->> 'available_at_ms', unixepoch('subsec') * 1000 + (e.value ->> 'delay_ms')) as integer
  )
from json_each(:events) as e
where true
on conflict do nothing
