-- Stores events like publish.sql, where an attempt before this one may have stored some: what is there stays.
-- Params: events (JSON array of {channel, priority, id, payload, metadata, dedupe_key, max_attempts}; payload and
-- metadata are JSON text).
-- `insert ignore` would hide other faults as well, hence the update that changes nothing. The database's time is not returned, since
-- without `returning` that would cost a second round trip, and consumers learn it from next_due.
insert into rowcast_queue (
  channel, priority, id, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at
)
select
  e.channel, e.priority, e.id, e.payload, e.metadata, e.dedupe_key, 0, e.max_attempts, utc_timestamp(6),
  utc_timestamp(6)
from json_table(:events, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$[0]',
  priority smallint path '$[1]',
  id char(36) character set ascii collate ascii_bin path '$[2]',
  max_attempts integer path '$[3]',
  dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$[4]',
  metadata longtext character set utf8mb4 collate utf8mb4_bin path '$[5]',
  payload longtext character set utf8mb4 collate utf8mb4_bin path '$[6]'
)) as e
on duplicate key update id = rowcast_queue.id
