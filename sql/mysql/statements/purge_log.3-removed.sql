-- Deletes the old events.
-- Params: old (rows of the step before).
delete l
from json_table(:old, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  `position` bigint path '$.position'
)) as o
straight_join rowcast_log as l force index (primary)
  on l.channel = o.channel
  and l.position = o.position
