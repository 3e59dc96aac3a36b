-- returns: revived

-- step: revived
-- Puts dead letters back into the queue, as if never attempted, without their dedupe keys (which others may have taken);
-- returns what is put back. This step finds and locks them.
-- Params: ids (JSON array).
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select d.id, d.channel
from (
  select * from json_table(:ids, '$[*]' columns (
    id char(36) character set ascii collate ascii_bin path '$'
  )) as listed
) as i
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = i.id
  and d.consumer_group = ''
order by i.id
for update

-- step: stored, unless revived is empty
-- Copies the dead letters into the queue.
-- Params: revived (rows of the step before).
insert into rowcast_queue (
  channel, priority, id, {content}, attempts, max_attempts, created_at, available_at, last_error
)
select
  d.channel, d.priority, d.id, {d.content}, 0, d.max_attempts, d.created_at, utc_timestamp(6), d.error
from json_table(:revived, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as r
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = r.id
  and d.consumer_group = ''
on duplicate key update id = rowcast_queue.id

-- step: removed, unless revived is empty
-- Deletes from the dead letters what is in the queue now.
-- Params: revived (rows of the first step).
delete d
from json_table(:revived, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as r
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = r.id
  and d.consumer_group = ''
