-- Copies the held deliveries into the dead letters.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, error}).
insert into rowcast_dead_letter (
  id, channel, priority, payload, metadata, dedupe_key, attempts, max_attempts, created_at, died_at, error
)
select
  q.id, q.channel, q.priority, q.payload, q.metadata, q.dedupe_key, least(q.attempts, q.max_attempts), q.max_attempts,
  q.created_at, utc_timestamp(6), r.error
from json_table(:deliveries, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  lease_token char(36) character set ascii collate ascii_bin path '$.lease_token',
  error mediumtext character set utf8mb4 collate utf8mb4_bin path '$.error'
)) as r
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
on duplicate key update id = rowcast_dead_letter.id
