-- Finds and locks the first events of a channel that nobody leases, passing over what others have locked.
-- The order leaves out the channel, which is constant: with it MariaDB sorts, and what is sorted is locked whole.
-- Params: channel, limit.
select 'head' as outcome, q.priority, q.id
from rowcast_queue as q force index (primary)
where q.channel = :channel
  and (q.lease_expires_at is null or q.lease_expires_at <= utc_timestamp(6))
order by q.priority, q.id
limit :limit
for update skip locked
