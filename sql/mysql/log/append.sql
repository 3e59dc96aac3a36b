-- Appends events to the log, where they wait for their position.
-- Params: events (JSON array of {id, channel, payload, metadata}; payload and metadata are JSON text).
insert into rowcast_log_incoming (id, channel, payload, metadata, created_at)
select e.id, e.channel, e.payload, e.metadata, utc_timestamp(6)
from json_table(:events, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$[0]',
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$[1]',
  metadata longtext character set utf8mb4 collate utf8mb4_bin path '$[2]',
  payload longtext character set utf8mb4 collate utf8mb4_bin path '$[3]'
)) as e
