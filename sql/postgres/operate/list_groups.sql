-- Groups, how far they have read each channel, how many events they have before them, and who reads.
-- Params: channel (null for all), consumer_group (null for all).
select
  k.consumer_group, k.channel, k.position,
  (
    select count(*)
    from rowcast.log l
    where l.channel = k.channel
      and l.position > k.position
      and l.consumer_group in ('', k.consumer_group)
  ) + (
    select count(*)
    from rowcast.log_incoming i
    where i.channel = k.channel
      and i.consumer_group in ('', k.consumer_group)
  ) as lag,
  case when k.lease_expires_at > statement_timestamp() then k.consumer end as consumer,
  extract(epoch from k.lease_expires_at) * 1000 as lease_expires_at_ms
from rowcast.checkpoint k
where (:channel::text is null or k.channel = :channel)
  and (:consumer_group::text is null or k.consumer_group = :consumer_group)
order by k.consumer_group, k.channel
