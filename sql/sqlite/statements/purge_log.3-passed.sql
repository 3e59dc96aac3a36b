-- Remembers how far each channel was deleted, so that a reader who comes later knows what it has missed.
-- Params: removed (rows of the step before).
insert into rowcast_log_tail (channel, position)
select r.value ->> 'channel', max(r.value ->> 'position')
from json_each(:removed) as r
group by r.value ->> 'channel'
on conflict do update
set position = max(position, excluded.position)
