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
