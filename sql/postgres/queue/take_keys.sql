-- Takes dedupe keys; returns those that were free, with the id that has them now. One that is taken is not locked: find_keys.sql
-- says which event has it. One that another transaction is taking is waited for. Keys come in order, so that two publishers
-- never wait for each other.
-- Params: events (JSON array of {channel, dedupe_key, id}, each key once).
insert into rowcast.dedupe as d (channel, dedupe_key, id)
select e.channel, e.dedupe_key, e.id
from json_to_recordset(:events::json) as e (channel text, dedupe_key text, id uuid)
order by e.channel, e.dedupe_key
on conflict (channel, dedupe_key) do nothing
returning d.channel, d.dedupe_key, d.id
