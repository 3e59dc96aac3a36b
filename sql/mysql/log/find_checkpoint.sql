-- On which channels a member of a group had come so far, while it had the lease: asked by one whose lease is gone, on one
-- channel at least, and which may not have heard that its last write was done.
-- Params: checkpoints (JSON array of {channel, position}), consumer_group, lease_token.
select k.channel
from json_table(:checkpoints, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  `position` bigint path '$.position'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and (
    (k.lease_token = :lease_token and k.position >= n.position)
    or (k.former_token = :lease_token and k.former_position >= n.position)
  )
