-- returns: discarded

-- step: kept, when keep_history
-- Discards dead letters for good; with retention they are kept in history with the reason. Returns the ids. This step
-- copies them.
-- Params: ids (JSON array), reason, of_groups (a log's, or a queue's).
insert into rowcast_history (
  id, channel, priority, {content}, attempts, outcome, reason, created_at, settled_at
)
select
  d.id, d.channel, d.priority, {d.content}, d.attempts, 'discarded', :reason, d.created_at,
  cast(unixepoch('subsec') * 1000 as integer)
from json_each(:ids) as i
cross join rowcast_dead_letter as d
  on d.id = i.value
  and (d.consumer_group <> '') = :of_groups
where true
on conflict do nothing

-- step: discarded
-- Deletes the discarded events and returns their ids.
-- Params: ids (JSON array), of_groups (a log's, or a queue's).
delete from rowcast_dead_letter
where id in (select i.value from json_each(:ids) as i)
  and (consumer_group <> '') = :of_groups
returning id
