-- Puts dead letters of groups back into the log, at its end, each for its group alone; returns what was put back. This step
-- copies them.
-- Params: ids (JSON array).
insert into rowcast_log (channel, consumer_group, id, payload, metadata, created_at)
select d.channel, d.consumer_group, d.id, d.payload, d.metadata, d.created_at
from json_each(:ids) as i
cross join rowcast_dead_letter as d
  on d.id = i.value
  and d.consumer_group <> ''
