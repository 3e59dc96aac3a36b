-- Which of these events are stored already, whatever became of them; an event may be named twice.
-- Params: ids (JSON array), keys (JSON array of {channel, priority, id}: their address in the queue).
select i.value as id
from json_each(:ids) as i
where exists (select 1 from rowcast_scheduled as s where s.id = i.value)
  or exists (select 1 from rowcast_history as h where h.id = i.value)
  or exists (select 1 from rowcast_dead_letter as d where d.id = i.value)
union all
select q.id
from json_each(:keys) as k
cross join rowcast_queue as q
  on q.channel = k.value ->> 'channel'
  and q.priority = k.value ->> 'priority'
  and q.id = k.value ->> 'id'
