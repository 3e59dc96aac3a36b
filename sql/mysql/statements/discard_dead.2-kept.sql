-- Copies the discarded events into history.
-- Params: discarded (rows of the step before), reason, keep_history, of_groups (a log's, or a queue's).
insert into rowcast_history (
  id, channel, priority, payload, metadata, attempts, outcome, reason, created_at, settled_at
)
select
  d.id, d.channel, d.priority, d.payload, d.metadata, d.attempts, 'discarded', :reason, d.created_at, utc_timestamp(6)
from json_table(:discarded, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as g
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = g.id
  and (d.consumer_group <> '') = :of_groups
where :keep_history = 1
on duplicate key update id = rowcast_history.id
