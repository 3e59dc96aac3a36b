-- On which channels the former member of a group had come so far when its lease ended: asked by one whose lease is gone,
-- which may not have heard that its last write was done.
-- Params: checkpoints (JSON array of {channel, position}), consumer_group, lease_token.
select k.channel
from json_to_recordset(:checkpoints::json) as n (channel text, position bigint)
join rowcast.checkpoint k
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.former_token = :lease_token::uuid
  and k.former_position >= n.position
