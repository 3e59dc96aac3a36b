-- returns: live

-- step: taken
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

-- step: live
-- Returns for each dedupe key the id of the event that is live under it.
-- A locking read, since in a caller's transaction under REPEATABLE READ a plain one may not see the row that was in the
-- way of the step before.
-- `force index`: by its statistics the table may look empty, and what an optimizer then reads as a whole it locks as a
-- whole.
-- Params: events (JSON array of {channel, dedupe_key}).
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select d.channel, d.dedupe_key, d.id
from (
  select * from json_table(:events, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
    dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.dedupe_key'
  )) as listed
) as e
straight_join rowcast_dedupe as d force index (primary)
  on d.channel = e.channel
  and d.dedupe_key = e.dedupe_key
for update
