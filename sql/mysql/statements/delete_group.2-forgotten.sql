-- Forgets what was found.
-- Params: idle (rows of the step before), consumer_group.
delete k
from json_table(:idle, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
