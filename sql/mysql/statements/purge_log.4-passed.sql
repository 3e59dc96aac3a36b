-- Remembers how far the channel was deleted, so that a reader who comes later knows what it has missed.
-- Params: old (rows of the second step).
insert into rowcast_log_tail (channel, `position`)
select p.channel, p.last_position
from (
  select o.channel, max(o.position) as last_position
  from json_table(:old, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
    `position` bigint path '$.position'
  )) as o
  group by o.channel
) as p
on duplicate key update `position` = greatest(rowcast_log_tail.position, p.last_position)
