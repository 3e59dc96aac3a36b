-- Is refused, without waiting, while an open transaction takes one of these dedupe keys or frees it; else returns as
-- find_keys.sql does. Run by itself, so that what it locks is let go of at once.
-- Params: keys (JSON array of {channel, dedupe_key}).
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select d.channel, d.dedupe_key, d.id
from (
  select * from json_table(:keys, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
    dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.dedupe_key'
  )) as listed
) as k
straight_join rowcast_dedupe as d force index (primary)
  on d.channel = k.channel
  and d.dedupe_key = k.dedupe_key
for update nowait
