-- Frees the dedupe keys of the acked events, in key order, so that a publisher of several keys never waits for it in a
-- circle; last, so that nothing that waits is done while holding them. The limit has no other use than to make a derived
-- table keep its order.
-- Params: channel, held (rows of the first step, which have the keys), keyed (JSON array of ids: when it is empty
-- nothing has a key and the step is skipped).
delete d
from (
  select h.id, h.dedupe_key
  from json_table(:held, '$[*]' columns (
    id char(36) character set ascii collate ascii_bin path '$[0]',
    dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$[1]'
  )) as h
  where h.dedupe_key is not null
    and json_length(:keyed) > 0
  order by h.dedupe_key
  limit 1000000
) as k
straight_join rowcast_dedupe as d force index (primary)
  on d.channel = :channel
  and d.dedupe_key = k.dedupe_key
  and d.id = k.id
