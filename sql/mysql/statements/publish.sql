-- Stores events that are due now.
-- Params: events (JSON array of {channel, priority, id, payload, metadata, dedupe_key, max_attempts}; payload and
-- metadata are JSON text).
-- The database's time is not
-- returned: without `returning` it would cost a second round trip, and consumers learn it from next_due.
insert into rowcast_queue (
  channel, priority, id, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at
)
select
  e.channel, e.priority, e.id, e.payload, e.metadata, e.dedupe_key, 0, e.max_attempts, utc_timestamp(6),
  utc_timestamp(6)
from json_table(:events, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  payload longtext character set utf8mb4 collate utf8mb4_bin path '$.payload',
  metadata longtext character set utf8mb4 collate utf8mb4_bin path '$.metadata',
  dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.dedupe_key',
  max_attempts integer path '$.max_attempts'
)) as e
