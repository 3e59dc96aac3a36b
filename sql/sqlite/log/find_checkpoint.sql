-- On which channels a member of a group had come so far, while it had the lease: asked by one whose lease is gone, on one
-- channel at least, and which may not have heard that its last write was done.
-- Params: checkpoints (JSON array of {channel, position}), consumer_group, lease_token.
select k.channel
from json_each(:checkpoints) as n
cross join rowcast_checkpoint as k
  on k.channel = n.value ->> 'channel'
  and k.consumer_group = :consumer_group
  and (
    (k.lease_token = :lease_token and k.position >= n.value ->> 'position')
    or (k.former_token = :lease_token and k.former_position >= n.value ->> 'position')
  )
