-- Leases the head.
-- Params: channel, head (row of the step that found it), lease_token, lease_ms.
update rowcast_queue
set attempts = min(attempts, max_attempts) + 1,
    lease_token = :lease_token,
    lease_expires_at = cast(:head.now_ms + :lease_ms as integer)
where channel = :channel
  and (priority, id) <= (:head.priority, :head.id)
  and (lease_expires_at is null or lease_expires_at <= :head.now_ms)
