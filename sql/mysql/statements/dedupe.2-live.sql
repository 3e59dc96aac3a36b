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
