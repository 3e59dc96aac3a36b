-- Says whether the lease is held.
-- Params: channel, consumer_group, lease_token.
select k.channel
from rowcast_checkpoint as k
where k.channel = :channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
