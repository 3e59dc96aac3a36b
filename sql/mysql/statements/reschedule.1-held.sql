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
