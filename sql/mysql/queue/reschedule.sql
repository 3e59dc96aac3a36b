-- returns: held

-- step: held
-- Moves leased deliveries to scheduled; returns the ids whose lease was held. This step finds and locks them.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token}).
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select q.priority, q.id
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
-- Copies the held deliveries into scheduled. A delay is a thousand years at most: the calendar here ends with the year
-- 9999.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, delay_ms, error}).
insert into rowcast_scheduled (
  id, channel, priority, {content}, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  q.id, q.channel, q.priority, {q.content}, q.dedupe_key, q.attempts, q.max_attempts, q.created_at,
  date_add(utc_timestamp(6), interval least(r.delay_ms * 1e3, 3.1536e16) microsecond),
  coalesce(r.error, q.last_error)
from json_table(:deliveries, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  lease_token char(36) character set ascii collate ascii_bin path '$.lease_token',
  delay_ms double path '$.delay_ms',
  error mediumtext character set utf8mb4 collate utf8mb4_bin path '$.error'
)) as r
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
on duplicate key update id = rowcast_scheduled.id

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
