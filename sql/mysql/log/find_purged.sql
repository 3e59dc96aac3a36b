-- The last positions that retention has deleted, of channels where it has deleted any.
-- Params: channels (JSON array).
select t.channel, t.position
from json_table(:channels, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
)) as c
straight_join rowcast_log_tail as t force index (primary)
  on t.channel = c.channel
