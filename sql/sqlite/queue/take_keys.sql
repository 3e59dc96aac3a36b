-- Takes dedupe keys, or finds who has them; returns for each key the id of the event that is live under it.
-- The update that changes nothing makes a conflicting row one that is returned.
-- Params: events (JSON array of {channel, dedupe_key, id}, each key once).
insert into rowcast_dedupe (channel, dedupe_key, id)
select e.value ->> 'channel', e.value ->> 'dedupe_key', e.value ->> 'id'
from json_each(:events) as e
where true
on conflict (channel, dedupe_key) do update
set id = rowcast_dedupe.id
returning channel, dedupe_key, id
