-- Groups, how far they have read each channel, and who reads. How many events they have before them is counted a piece at a
-- time, by count_lag.sql.
-- Params: channel (null for all), consumer_group (null for all).
select
  k.consumer_group, k.channel, k.position,
  null as lag,
  iif(k.lease_expires_at > cast(unixepoch('subsec') * 1000 as integer), k.consumer, null) as consumer,
  k.lease_expires_at as lease_expires_at_ms
from rowcast_checkpoint as k
where (:channel is null or k.channel = :channel)
  and (:consumer_group is null or k.consumer_group = :consumer_group)
order by k.consumer_group, k.channel
