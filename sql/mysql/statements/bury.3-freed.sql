-- Frees the dedupe keys of the held deliveries, in key order, so that a publisher of several keys never waits for it in a
-- circle. The limit has no other use than to make a derived table keep its order.
-- Params: channel, held (rows of the first step, which have the keys).
delete d
from (
  select h.id, h.dedupe_key
  from json_table(:held, '$[*]' columns (
    id char(36) character set ascii collate ascii_bin path '$.id',
    dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.dedupe_key'
  )) as h
  where h.dedupe_key is not null
  order by h.dedupe_key
  limit 1000000
) as k
straight_join rowcast_dedupe as d force index (primary)
  on d.channel = :channel
  and d.dedupe_key = k.dedupe_key
  and d.id = k.id
