-- Which of these deliveries still have their lease, when that ends, and in how long. Waits for no lock.
-- Params: deliveries (JSON array of {channel, priority, id, lease_token}).
-- The bounds hold for every row. They are for the planner, which otherwise expects a hundred rows and reads a whole table
-- to hash it; expecting one, it looks each up by its key.
with deliveries as materialized (
  select r.channel, r.priority, r.id, r.lease_token
  from json_to_recordset(:deliveries::json) as r (channel text, priority smallint, id uuid, lease_token uuid)
  where r.priority between -32768 and 32767
)
select
  q.id,
  trunc(extract(epoch from q.lease_expires_at) * 1000) as lease_expires_at_ms,
  trunc(extract(epoch from q.lease_expires_at - statement_timestamp()) * 1000) as left_ms
from deliveries r
join rowcast.queue q
  on q.channel = r.channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
