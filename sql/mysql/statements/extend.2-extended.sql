-- Writes the new end of the leases.
-- Params: held (rows of the step before).
update json_table(:held, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  lease_expires_at_ms bigint path '$.lease_expires_at_ms'
)) as h
straight_join rowcast_queue as q force index (primary)
  on q.channel = h.channel
  and q.priority = h.priority
  and q.id = h.id
set q.lease_expires_at = greatest(
  q.lease_expires_at,
  date_add(timestamp '1970-01-01 00:00:00', interval (h.lease_expires_at_ms * 1000) microsecond)
)
