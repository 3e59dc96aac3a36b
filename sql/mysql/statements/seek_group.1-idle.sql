-- Moves the checkpoints of a group that nobody reads for; returns their channels. This step finds and locks them.
-- Params: channel (null for all), consumer_group.
select k.channel
from rowcast_checkpoint as k
where (:channel is null or k.channel = :channel)
  and k.consumer_group = :consumer_group
  and (k.lease_expires_at is null or k.lease_expires_at <= utc_timestamp(6))
order by k.channel
for update
