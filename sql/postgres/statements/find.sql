-- Which of these events are stored already, whatever became of them.
-- Params: ids (JSON array), keys (JSON array of {channel, priority, id}: their address in the queue).
select i.id
from json_array_elements_text(:ids::json) as t (id)
cross join lateral (select t.id::uuid as id) as i
where exists (select from rowcast.scheduled s where s.id = i.id)
  or exists (select from rowcast.history h where h.id = i.id)
  or exists (select from rowcast.dead_letter d where d.id = i.id)
union
select q.id
from json_to_recordset(:keys::json) as k (channel text, priority smallint, id uuid)
join rowcast.queue q on q.channel = k.channel and q.priority = k.priority and q.id = k.id
