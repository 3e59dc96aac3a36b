-- returns: old

-- step: old
-- Deletes settled events that are older than the retention time; returns their ids. This step finds and locks them,
-- passing over what others are purging.
-- Params: retention_ms, limit.
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
select h.id
from rowcast_history as h force index (rowcast_history_age)
where h.settled_at < date_sub(utc_timestamp(6), interval least(:retention_ms * 1e3, 3.1536e16) microsecond)
order by h.settled_at
limit :limit
for update skip locked

-- step: removed, unless old is empty
-- Deletes the old events.
-- Params: old (rows of the step before).
delete h
from json_table(:old, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as o
straight_join rowcast_history as h force index (primary)
  on h.id = o.id
