-- returns: discarded

-- step: discarded
-- Discards dead letters for good; with retention they are kept in history with the reason. Returns the ids. This step
-- finds and locks them.
-- Params: ids (JSON array), of_groups (a log's, or a queue's).
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select d.id
from (
  select * from json_table(:ids, '$[*]' columns (
    id char(36) character set ascii collate ascii_bin path '$'
  )) as listed
) as i
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = i.id
  and (d.consumer_group <> '') = :of_groups
order by i.id
for update

-- step: kept, unless discarded is empty, when keep_history
-- Copies the discarded events into history.
-- Params: discarded (rows of the step before), reason, of_groups (a log's, or a queue's).
insert into rowcast_history (
  id, channel, priority, {content}, attempts, outcome, reason, created_at, settled_at
)
select
  d.id, d.channel, d.priority, {d.content}, d.attempts, 'discarded', :reason, d.created_at, utc_timestamp(6)
from json_table(:discarded, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as g
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = g.id
  and (d.consumer_group <> '') = :of_groups
on duplicate key update id = rowcast_history.id

-- step: removed, unless discarded is empty
-- Deletes the discarded events.
-- Params: discarded (rows of the first step), of_groups (a log's, or a queue's).
delete d
from json_table(:discarded, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as g
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = g.id
  and (d.consumer_group <> '') = :of_groups
