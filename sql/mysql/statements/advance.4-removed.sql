-- Deletes what has its position.
-- Params: batch (rows of the second step).
delete i
from json_table(:batch, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.reached',
  consumer_group varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.consumer_group'
)) as b
straight_join rowcast_log_incoming as i force index (primary)
  on i.id = b.id
  and i.consumer_group = b.consumer_group
