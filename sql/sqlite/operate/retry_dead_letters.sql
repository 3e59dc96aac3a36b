-- returns: revived

-- step: stored
-- Puts dead letters back into the queue, as if never attempted, without their dedupe keys (which others may have taken);
-- returns what was put back. This step copies them.
-- Params: ids (JSON array).
insert into rowcast_queue (
  channel, priority, id, {content}, attempts, max_attempts, created_at, available_at, last_error
)
select
  d.channel, d.priority, d.id, {d.content}, 0, d.max_attempts, d.created_at,
  cast(unixepoch('subsec') * 1000 as integer), d.error
from json_each(:ids) as i
cross join rowcast_dead_letter as d
  on d.id = i.value
  and d.consumer_group = ''
where true
on conflict do nothing

-- step: revived
-- Deletes the revived events from the dead letters and returns them.
-- Params: ids (JSON array).
delete from rowcast_dead_letter
where id in (select i.value from json_each(:ids) as i)
  and consumer_group = ''
returning id, channel
