-- Takes dedupe keys, or finds who has them; returns for each key the id of the event that is live under it.
-- The update that changes nothing makes a conflicting row visible and holds it until commit; keys come in order, so that
-- two publishers never wait for each other.
-- Params: events (JSON array of {channel, dedupe_key, id}, each key once).
insert into rowcast.dedupe as d (channel, dedupe_key, id)
select e.channel, e.dedupe_key, e.id
from json_to_recordset(:events::json) as e (channel text, dedupe_key text, id uuid)
order by e.channel, e.dedupe_key
on conflict (channel, dedupe_key) do update
set id = d.id
returning d.channel, d.dedupe_key, d.id
