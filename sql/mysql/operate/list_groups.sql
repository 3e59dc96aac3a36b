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
  ) + (
    select count(*)
    from rowcast_log_incoming as i
    where i.channel = k.channel
      and i.consumer_group in ('', k.consumer_group)
  ) as `lag`,
  case when k.lease_expires_at > utc_timestamp(6) then k.consumer end as consumer,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', k.lease_expires_at) div 1000 as lease_expires_at_ms
from rowcast_checkpoint as k
where (:channel is null or k.channel = :channel)
  and (:consumer_group is null or k.consumer_group = :consumer_group)
order by k.consumer_group, k.channel
