-- Gives the positions, in the order of ids.
-- Params: sequencer (row of the first step), batch (rows of the step before).
insert into rowcast_log (channel, consumer_group, `position`, id, payload, metadata, created_at)
select
  i.channel, i.consumer_group, cast(json_unquote(json_extract(:sequencer, '$[0].last_position')) as signed) + row_number() over (order by i.id, i.consumer_group), i.id, i.payload,
  i.metadata, i.created_at
from json_table(:batch, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.reached',
  consumer_group varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.consumer_group'
)) as b
straight_join rowcast_log_incoming as i force index (primary)
  on i.id = b.id
  and i.consumer_group = b.consumer_group
