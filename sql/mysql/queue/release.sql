-- returns: held

-- step: held
-- Makes leased deliveries ready at once; returns the ids whose lease was held. This step finds and locks them.
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

-- step: released, unless held is empty
-- Makes the held deliveries ready.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, given_back, error}; given_back is 1 when the
-- attempt did not happen, else 0).
update json_table(:deliveries, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id',
  lease_token char(36) character set ascii collate ascii_bin path '$.lease_token',
  given_back integer path '$.given_back',
  error mediumtext character set utf8mb4 collate utf8mb4_bin path '$.error'
)) as r
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
set q.lease_token = null,
    q.lease_expires_at = null,
    q.attempts = q.attempts - r.given_back,
    q.available_at = case when r.given_back = 0 then utc_timestamp(6) else q.available_at end,
    q.last_error = coalesce(r.error, q.last_error)
