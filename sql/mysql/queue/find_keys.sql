-- Returns for each dedupe key that is taken the id of the event that is live under it. Locks nothing: an insert would lock what
-- it finds taken, as long as its transaction lasts.
-- Params: keys (JSON array of {channel, dedupe_key}).
select d.channel, d.dedupe_key, d.id
from json_table(:keys, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.dedupe_key'
)) as k
straight_join rowcast_dedupe as d force index (primary)
  on d.channel = k.channel
  and d.dedupe_key = k.dedupe_key
