-- Discards dead letters for good; with retention they are kept in history with the reason. Returns the ids. This step
-- copies them.
-- Params: ids (JSON array), reason, keep_history, of_groups (a log's, or a queue's).
insert into rowcast_history (
  id, channel, priority, payload, metadata, attempts, outcome, reason, created_at, settled_at
)
select
  d.id, d.channel, d.priority, d.payload, d.metadata, d.attempts, 'discarded', :reason, d.created_at,
  cast(unixepoch('subsec') * 1000 as integer)
from json_each(:ids) as i
cross join rowcast_dead_letter as d
  on d.id = i.value
  and (d.consumer_group <> '') = :of_groups
where :keep_history
on conflict do nothing
