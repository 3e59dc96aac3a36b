-- Moves the checkpoints of a group that nobody reads for; returns their channels.
-- Params: channel (null for all), consumer_group, position.
update rowcast_checkpoint
set position = :position,
    attempts = 0,
    lease_token = null,
    lease_expires_at = null,
    updated_at = cast(unixepoch('subsec') * 1000 as integer)
where (:channel is null or channel = :channel)
  and consumer_group = :consumer_group
  and (lease_expires_at is null or lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer))
returning channel
