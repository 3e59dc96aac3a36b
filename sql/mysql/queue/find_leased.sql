-- Which of these deliveries still have their lease, when that ends, and in how long. Waits for no lock.
-- Params: deliveries (JSON array of {channel, priority, id, lease_token}).
select
  q.id,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', q.lease_expires_at) div 1000 as lease_expires_at_ms,
  timestampdiff(microsecond, utc_timestamp(6), q.lease_expires_at) div 1000 as left_ms
from json_table(:deliveries, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  lease_token char(36) character set ascii collate ascii_bin path '$.lease_token'
)) as r
straight_join rowcast_queue as q force index (primary)
  on q.channel = r.channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
