-- returns: held, claimed

-- step: held, unless settled is empty
-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it. This step finds and
-- locks the held ones, in key order; each of its rows is an ack.
-- Six steps where Postgres has one statement: neither MySQL nor MariaDB can return what an update or a multi-table
-- delete has met.
-- Params: channel, settled (JSON array of {priority, id, lease_token}).
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select 'acked' as outcome, q.priority, q.id, q.lease_token, q.dedupe_key
from (
  select * from json_table(:settled, '$[*]' columns (
    priority smallint path '$[0]',
    id char(36) character set ascii collate ascii_bin path '$[1]',
    lease_token char(36) character set ascii collate ascii_bin path '$[2]'
  )) as listed
) as s
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = s.priority
  and q.id = s.id
  and q.lease_token = s.lease_token
order by s.priority, s.id
for update

-- step: kept, unless held is empty, when keep_history
-- include: keep_held

-- step: removed, unless held is empty
-- include: remove_held

-- include: claim_steps

-- step: freed, unless held is empty, unless keyed is empty
-- Frees the dedupe keys of the acked events, in key order, so that a publisher of several keys never waits for it in a
-- circle; last, so that nothing that waits is done while holding them. The limit has no other use than to make a derived
-- table keep its order.
-- Params: channel, held (rows of the first step, which have the keys). Where `keyed` is empty nothing has a key.
delete d
from (
  select h.id, h.dedupe_key
  from json_table(:held, '$[*]' columns (
    id char(36) character set ascii collate ascii_bin path '$[0]',
    dedupe_key varchar(255) character set utf8mb4 collate utf8mb4_bin path '$[1]'
  )) as h
  where h.dedupe_key is not null
  order by h.dedupe_key
  limit 1000000
) as k
straight_join rowcast_dedupe as d force index (primary)
  on d.channel = :channel
  and d.dedupe_key = k.dedupe_key
  and d.id = k.id
