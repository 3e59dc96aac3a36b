-- Makes the checkpoints of a group that has none yet on these channels.
-- Params: channels (JSON array), consumer_group, position.
insert into rowcast_checkpoint (channel, consumer_group, `position`, attempts, updated_at)
select c.channel, :consumer_group, :position, 0, utc_timestamp(6)
from json_table(:channels, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
)) as c
on duplicate key update channel = rowcast_checkpoint.channel
