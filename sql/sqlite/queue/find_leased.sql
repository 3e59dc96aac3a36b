-- Which of these deliveries still have their lease, when that ends, and in how long.
-- Params: deliveries (JSON array of {channel, priority, id, lease_token}).
select
  q.id,
  q.lease_expires_at as lease_expires_at_ms,
  cast(q.lease_expires_at - unixepoch('subsec') * 1000 as integer) as left_ms
from json_each(:deliveries) as r
cross join rowcast_queue as q
  on q.channel = r.value ->> 'channel'
  and q.priority = r.value ->> 'priority'
  and q.id = r.value ->> 'id'
  and q.lease_token = r.value ->> 'lease_token'
