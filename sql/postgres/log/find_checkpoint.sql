-- On which channels a member of a group had come so far, while it had the lease: asked by one whose lease is gone, on one
-- channel at least, and which may not have heard that its last write was done.
-- Params: checkpoints (JSON array of {channel, position}), consumer_group, lease_token.
select k.channel
from json_to_recordset(:checkpoints::json) as n (channel text, position bigint)
join rowcast.checkpoint k
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and (
    (k.lease_token = :lease_token::uuid and k.position >= n.position)
    or (k.former_token = :lease_token::uuid and k.former_position >= n.position)
  )
