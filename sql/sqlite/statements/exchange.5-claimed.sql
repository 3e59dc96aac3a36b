-- Reads the head as the next step leases it. An event whose attempts are used up is leased too, one attempt over its
-- maximum, for the claimer to set aside.
-- Params: channel, head (row of the step before), lease_ms.
select
  'claimed' as outcome, q.id, q.priority, q.payload, q.metadata, q.dedupe_key,
  min(q.attempts, q.max_attempts) + 1 as attempts, q.max_attempts, q.created_at as created_at_ms,
  q.available_at as available_at_ms, cast(:head.now_ms + :lease_ms as integer) as lease_expires_at_ms, q.last_error
from rowcast_queue as q
where q.channel = :channel
  and (q.priority, q.id) <= (:head.priority, :head.id)
  and (q.lease_expires_at is null or q.lease_expires_at <= :head.now_ms)
order by q.priority, q.id
