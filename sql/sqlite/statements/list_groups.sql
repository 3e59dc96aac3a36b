-- Groups, how far they have read each channel, how many events they have before them, and who reads.
-- Params: channel (null for all), consumer_group (null for all).
select
  k.consumer_group, k.channel, k.position,
  (
    select count(*)
    from rowcast_log as l
    where l.channel = k.channel
      and l.position > k.position
      and l.consumer_group in ('', k.consumer_group)
  ) as lag,
  iif(k.lease_expires_at > cast(unixepoch('subsec') * 1000 as integer), k.consumer, null) as consumer,
  k.lease_expires_at as lease_expires_at_ms
from rowcast_checkpoint as k
where (:channel is null or k.channel = :channel)
  and (:consumer_group is null or k.consumer_group = :consumer_group)
order by k.consumer_group, k.channel
