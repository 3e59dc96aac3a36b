-- Forgets the checkpoints of a group that nobody reads for; returns their channels.
-- Params: channel (null for all), consumer_group.
delete from rowcast.checkpoint k
where (:channel::text is null or k.channel = :channel)
  and k.consumer_group = :consumer_group
  and (k.lease_expires_at is null or k.lease_expires_at <= statement_timestamp())
returning k.channel
