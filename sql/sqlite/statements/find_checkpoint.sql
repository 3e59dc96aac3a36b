-- On which channels the former member of a group had come so far when its lease ended: asked by one whose lease is gone,
-- which may not have heard that its last write was done.
-- Params: checkpoints (JSON array of {channel, position}), consumer_group, lease_token.
select k.channel
from json_each(:checkpoints) as n
cross join rowcast_checkpoint as k
  on k.channel = n.value ->> 'channel'
  and k.consumer_group = :consumer_group
  and k.former_token = :lease_token
  and k.former_position >= n.value ->> 'position'
