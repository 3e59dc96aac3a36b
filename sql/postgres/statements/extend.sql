-- Moves the end of leases on; returns the ids whose lease was held, with the new end.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, lease_ms}).
-- A lease never gets shorter: the heartbeat must not undo a longer extension that a consumer asked for.
-- The bounds hold for every row. They are for the planner, which otherwise expects a hundred rows and reads a whole table
-- to hash it; expecting one, it looks each up by its key.
with deliveries as materialized (
  select r.priority, r.id, r.lease_token, r.lease_ms
  from json_to_recordset(:deliveries::json) as r (
    priority smallint, id uuid, lease_token uuid, lease_ms double precision
  )
  where r.priority between -32768 and 32767
)
update rowcast.queue q
set lease_expires_at = greatest(q.lease_expires_at, statement_timestamp() + r.lease_ms * interval '1 millisecond')
from deliveries r
where q.channel = :channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
returning q.id, extract(epoch from q.lease_expires_at) * 1000 as lease_expires_at_ms
