-- Copies an event of the log to the dead letters of a group, while its lease is held; returns the channel if it was. This
-- step finds and locks the checkpoint.
-- Params: channel, consumer_group, lease_token.
select k.channel
from rowcast_checkpoint as k
where k.channel = :channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
for update
