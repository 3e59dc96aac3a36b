-- Stores events like publish.sql, where an attempt before this one may have stored some: what is there stays.
-- Params: events (JSON array of {channel, priority, id, payload, metadata, dedupe_key, max_attempts}; payload and
-- metadata are JSON text).
-- The database's time is not returned: it is this machine's.
insert into rowcast_queue (
  channel, priority, id, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at
)
select
  e.value ->> 'channel', e.value ->> 'priority', e.value ->> 'id', e.value ->> 'payload', e.value ->> 'metadata',
  e.value ->> 'dedupe_key', 0, e.value ->> 'max_attempts', cast(unixepoch('subsec') * 1000 as integer),
  cast(unixepoch('subsec') * 1000 as integer)
from json_each(:events) as e
where true
on conflict do nothing
