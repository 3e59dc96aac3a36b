-- Forgets the checkpoints of a group that nobody reads for; returns their channels.
-- Params: channel (null for all), consumer_group.
delete from rowcast_checkpoint
where (:channel is null or channel = :channel)
  and consumer_group = :consumer_group
  and (lease_expires_at is null or lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer))
returning channel
