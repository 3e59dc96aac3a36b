-- returns: revived

-- step: revived
-- Puts dead letters of groups back into the log, at its end, each for its group alone; returns what was put back. This step
-- finds and locks them.
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
  and d.consumer_group <> ''
order by i.id
for update

-- step: stored, unless revived is empty
-- Copies them into the log, where they wait for their position.
-- Params: revived (rows of the step before).
insert into rowcast_log_incoming (id, channel, consumer_group, {entry}, created_at)
select d.id, d.channel, d.consumer_group, {d.entry}, d.created_at
from json_table(:revived, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as r
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = r.id
  and d.consumer_group <> ''
on duplicate key update id = rowcast_log_incoming.id

-- step: removed, unless revived is empty
-- Deletes the revived events from the dead letters.
-- Params: revived (rows of the first step).
delete d
from json_table(:revived, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as r
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = r.id
  and d.consumer_group <> ''
