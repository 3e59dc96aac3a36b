-- Leases the first events of a channel that nobody leases. An event whose attempts are used up is leased too, one attempt
-- over its maximum, for the claimer to set aside.
-- Params: channel, lease_token, lease_ms, limit.
-- The whole key at once: with the channel apart, SQLite 3.42 searches by the first columns alone.
update rowcast_queue
set attempts = min(attempts, max_attempts) + 1,
    lease_token = :lease_token,
    lease_expires_at = cast(unixepoch('subsec') * 1000 + :lease_ms as integer)
where (channel, priority, id) in (
  select q.channel, q.priority, q.id
  from rowcast_queue as q
  where q.channel = :channel
    and (q.lease_expires_at is null or q.lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer))
  order by q.priority, q.id
  limit :limit
)
returning
  'claimed' as outcome, id, priority, payload, metadata, dedupe_key, attempts, max_attempts,
  created_at as created_at_ms, available_at as available_at_ms, lease_expires_at as lease_expires_at_ms, last_error
