-- Appends events to the log.
-- Params: events (JSON array of {id, channel, payload, metadata}; payload and metadata are JSON text).
-- Work is never repeated here after it was done, so no id is looked for.
insert into rowcast_log (channel, id, payload, metadata, created_at)
select
  e.value ->> 'channel', e.value ->> 'id', e.value ->> 'payload', e.value ->> 'metadata',
  cast(unixepoch('subsec') * 1000 as integer)
from json_each(:events) as e
order by e.key
