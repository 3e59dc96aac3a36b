-- Stores events that become due later; a row that is already there (a repeated attempt) stays.
-- Params: events (JSON array of {channel, priority, id, payload, metadata, dedupe_key, max_attempts, delay_ms,
-- available_at_ms}; of the last two one is null).
-- The calendar here ends with the year 9999, and what is past it would become null: delays stop at a thousand years,
-- times at that year's last quarter of an hour.
insert into rowcast_scheduled (
  id, channel, priority, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at
)
select
  e.id, e.channel, e.priority, e.payload, e.metadata, e.dedupe_key, 0, e.max_attempts, utc_timestamp(6),
  coalesce(
    date_add(timestamp '1970-01-01 00:00:00', interval least(e.available_at_ms * 1e3, 2.534023e17) microsecond),
    date_add(utc_timestamp(6), interval least(e.delay_ms * 1e3, 3.1536e16) microsecond)
  )
from json_table(:events, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  payload longtext character set utf8mb4 collate utf8mb4_bin path '$.payload',
  metadata longtext character set utf8mb4 collate utf8mb4_bin path '$.metadata',
  dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.dedupe_key',
  max_attempts integer path '$.max_attempts',
  delay_ms double path '$.delay_ms',
  available_at_ms double path '$.available_at_ms'
)) as e
on duplicate key update id = rowcast_scheduled.id
