-- Writes the positions of what is held. A position that moved on leaves the attempts at the one before behind.
-- Params: checkpoints (JSON array of {channel, position}), held (rows of the step before), consumer_group, lease_token,
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
where json_length(:held) > 0
