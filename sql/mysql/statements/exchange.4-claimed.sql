-- Finds and locks the first events of a channel that nobody leases, passing over what others have locked; says what they
-- become by the next step, of which it saves the reading. An event whose attempts are used up is leased too, one attempt
-- over its maximum, for the claimer to set aside.
-- The order leaves out the channel, which is constant: with it MariaDB sorts, and what is sorted is locked whole.
-- Params: channel, lease_ms, limit.
select
  'claimed' as outcome, q.id, q.priority, q.payload, q.metadata, q.dedupe_key,
  least(q.attempts, q.max_attempts) + 1 as attempts, q.max_attempts,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', q.created_at) div 1000 as created_at_ms,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', q.available_at) div 1000 as available_at_ms,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 + least(:lease_ms, 3.1536e13)
    as lease_expires_at_ms,
  q.last_error
from rowcast_queue as q force index (primary)
where q.channel = :channel
  and (q.lease_expires_at is null or q.lease_expires_at <= utc_timestamp(6))
order by q.priority, q.id
limit :limit
for update skip locked
