-- Copies the held deliveries into scheduled. A delay is a thousand years at most: the calendar here ends with the year
-- 9999.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, delay_ms, error}).
insert into rowcast_scheduled (
  id, channel, priority, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  q.id, q.channel, q.priority, q.payload, q.metadata, q.dedupe_key, q.attempts, q.max_attempts, q.created_at,
  date_add(utc_timestamp(6), interval least(r.delay_ms * 1e3, 3.1536e16) microsecond),
  coalesce(r.error, q.last_error)
from json_table(:deliveries, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  lease_token char(36) character set ascii collate ascii_bin path '$.lease_token',
  delay_ms double path '$.delay_ms',
  error mediumtext character set utf8mb4 collate utf8mb4_bin path '$.error'
)) as r
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
on duplicate key update id = rowcast_scheduled.id
