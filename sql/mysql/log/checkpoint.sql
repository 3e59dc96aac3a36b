-- returns: held

-- step: held
-- Remembers how far a group has read, and extends the lease; returns the channels whose lease was held. This step finds
-- and locks them.
-- Params: checkpoints (JSON array of {channel}), consumer_group, lease_token, lease_ms.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select
  k.channel,
  greatest(
    timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', k.lease_expires_at) div 1000,
    timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 + :lease_ms
  ) as lease_expires_at_ms
from (
  select * from json_table(:checkpoints, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel'
  )) as listed
) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
order by k.channel
for update

-- step: written, unless held is empty
-- Writes the positions of what is held. A position that moved on leaves the attempts at the one before behind.
-- Params: checkpoints (JSON array of {channel, position}), consumer_group, lease_token,
-- lease_ms.
update json_table(:checkpoints, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  `position` bigint path '$.position'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
set k.attempts = case when n.position > k.position then 0 else k.attempts end,
    k.position = greatest(n.position, k.position),
    k.lease_expires_at = greatest(
      k.lease_expires_at, date_add(utc_timestamp(6), interval least(:lease_ms * 1e3, 3.1536e16) microsecond)
    ),
    k.updated_at = utc_timestamp(6)
