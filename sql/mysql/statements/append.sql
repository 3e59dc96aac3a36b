-- Appends events to the log, where they wait for their position; a row that is already there (a repeated attempt) stays.
-- Params: events (JSON array of {id, channel, payload, metadata, retried}; payload and metadata are JSON text; retried:
-- an earlier attempt may have arrived).
insert into rowcast_log_incoming (id, channel, payload, metadata, created_at, retried)
select e.id, e.channel, e.payload, e.metadata, utc_timestamp(6), e.retried
from json_table(:events, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$[0]',
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$[1]',
  retried boolean path '$[2]',
  metadata longtext character set utf8mb4 collate utf8mb4_bin path '$[3]',
  payload longtext character set utf8mb4 collate utf8mb4_bin path '$[4]'
)) as e
on duplicate key update id = rowcast_log_incoming.id
