-- returns: revived

-- step: stored
-- Puts dead letters of groups back into the log, at its end, each for its group alone; returns what was put back. This step
-- copies them.
-- Params: ids (JSON array).
insert into rowcast_log (channel, consumer_group, id, {entry}, created_at)
select d.channel, d.consumer_group, d.id, {d.entry}, d.created_at
from json_each(:ids) as i
cross join rowcast_dead_letter as d
  on d.id = i.value
  and d.consumer_group <> ''

-- step: revived
-- Deletes the revived events from the dead letters and returns them.
-- Params: ids (JSON array).
delete from rowcast_dead_letter
where id in (select i.value from json_each(:ids) as i)
  and consumer_group <> ''
returning id, channel
