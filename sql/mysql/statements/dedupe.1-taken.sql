-- Takes dedupe keys, or finds which events have them; the next step returns for each key the id of the event that is live
-- under it. Asked for those that find_keys.sql and probe_keys.sql found free: one that was taken since is locked until commit,
-- by the update that changes nothing. Keys come in order, so that two publishers never wait for each other.
-- Params: events (JSON array of {channel, dedupe_key, id}, each key once).
insert into rowcast_dedupe (channel, dedupe_key, id)
select e.channel, e.dedupe_key, e.id
from json_table(:events, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.dedupe_key',
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as e
order by e.channel, e.dedupe_key
on duplicate key update id = rowcast_dedupe.id
