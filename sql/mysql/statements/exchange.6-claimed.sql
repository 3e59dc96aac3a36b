-- Reads what was leased.
-- Params: channel, head (rows of the step that found them).
select
  'claimed' as outcome, q.id, q.priority, q.payload, q.metadata, q.dedupe_key, q.attempts, q.max_attempts,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', q.created_at) div 1000 as created_at_ms,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', q.available_at) div 1000 as available_at_ms,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', q.lease_expires_at) div 1000 as lease_expires_at_ms,
  q.last_error
from json_table(:head, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as h
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = h.priority
  and q.id = h.id
