-- Moves the checkpoints of a group that nobody reads for; returns their channels.
-- Params: channel (null for all), consumer_group, position.
update rowcast.checkpoint k
set position = :position,
    attempts = 0,
    lease_token = null,
    lease_expires_at = null,
    updated_at = statement_timestamp()
where (:channel::text is null or k.channel = :channel)
  and k.consumer_group = :consumer_group
  and (k.lease_expires_at is null or k.lease_expires_at <= statement_timestamp())
returning k.channel
