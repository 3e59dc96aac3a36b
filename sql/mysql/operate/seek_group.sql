-- returns: idle

-- step: idle
-- Moves the checkpoints of a group that nobody reads for; returns their channels. This step finds and locks them.
-- Params: channel (null for all), consumer_group.
select k.channel
from rowcast_checkpoint as k
where (:channel is null or k.channel = :channel)
  and k.consumer_group = :consumer_group
  and (k.lease_expires_at is null or k.lease_expires_at <= utc_timestamp(6))
order by k.channel
for update

-- step: moved, unless idle is empty
-- Moves what was found.
-- Params: idle (rows of the step before), consumer_group, position.
update json_table(:idle, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
set k.position = :position,
    k.attempts = 0,
    k.lease_token = null,
    k.lease_expires_at = null,
    k.updated_at = utc_timestamp(6)
