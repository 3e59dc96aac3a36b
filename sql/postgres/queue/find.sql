-- Which of these events are stored already, whatever became of them; an event may be named twice.
-- Params: ids (JSON array), keys (JSON array of {channel, priority, id}: their address in the queue).
-- The bounds hold for every row. They are for the planner, which otherwise expects a hundred rows and reads a whole table
-- to hash it; expecting one, it looks each up by its key.
with wanted as materialized (
  select t.id::uuid as id
  from json_array_elements_text(:ids::json) as t (id)
  where t.id between '0' and 'g'
),
addresses as materialized (
  select k.channel, k.priority, k.id
  from json_to_recordset(:keys::json) as k (channel text, priority smallint, id uuid)
  where k.priority between -32768 and 32767
)
select i.id
from wanted i
where exists (select from rowcast.scheduled s where s.id = i.id)
  or exists (select from rowcast.history h where h.id = i.id)
  or exists (select from rowcast.dead_letter d where d.id = i.id)
union all
select q.id
from addresses k
join rowcast.queue q on q.channel = k.channel and q.priority = k.priority and q.id = k.id
