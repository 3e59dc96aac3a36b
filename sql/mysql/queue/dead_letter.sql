-- returns: held

-- step: held
-- Moves leased deliveries to the dead letters and frees their dedupe keys; returns the ids whose lease was held. This
-- step finds and locks them.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token}).
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select q.priority, q.id, q.dedupe_key
from (
  select * from json_table(:deliveries, '$[*]' columns (
    priority smallint path '$.priority',
    id char(36) character set ascii collate ascii_bin path '$.id',
    lease_token char(36) character set ascii collate ascii_bin path '$.lease_token'
  )) as listed
) as r
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
order by r.priority, r.id
for update

-- step: stored, unless held is empty
-- Copies the held deliveries into the dead letters.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, error}).
insert into rowcast_dead_letter (
  id, channel, priority, {content}, dedupe_key, attempts, max_attempts, created_at, died_at, error
)
select
  q.id, q.channel, q.priority, {q.content}, q.dedupe_key, least(q.attempts, q.max_attempts), q.max_attempts,
  q.created_at, utc_timestamp(6), r.error
from json_table(:deliveries, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  lease_token char(36) character set ascii collate ascii_bin path '$.lease_token',
  error mediumtext character set utf8mb4 collate utf8mb4_bin path '$.error'
)) as r
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
on duplicate key update id = rowcast_dead_letter.id

-- step: freed, unless held is empty
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

-- step: removed, unless held is empty
-- Deletes the held deliveries from the queue.
-- Params: channel, held (rows of the first step).
delete q
from json_table(:held, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as h
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = h.priority
  and q.id = h.id
