-- Moves the end of leases on, of all channels at once; find_leased.sql tells which.
-- Params: deliveries (JSON array of {channel, priority, id, lease_token, lease_ms}).
-- A row that another transaction has locked is passed over, so that a heartbeat waits for no lock.
-- A lease never gets shorter: the heartbeat must not undo a longer extension that a consumer asked for.
-- The bounds hold for every row. They are for the planner, which otherwise expects a hundred rows and reads a whole table
-- to hash it; expecting one, it looks each up by its key.
with deliveries as materialized (
  select r.channel, r.priority, r.id, r.lease_token, r.lease_ms
  from json_to_recordset(:deliveries::json) as r (
    channel text, priority smallint, id uuid, lease_token uuid, lease_ms double precision
  )
  where r.priority between -32768 and 32767
),
free as materialized (
  select q.channel, q.priority, q.id, r.lease_token, r.lease_ms
  from deliveries r
  join rowcast.queue q
    on q.channel = r.channel
    and q.priority = r.priority
    and q.id = r.id
    and q.lease_token = r.lease_token
  for no key update of q skip locked
)
update rowcast.queue q
set lease_expires_at = greatest(q.lease_expires_at, statement_timestamp() + f.lease_ms * interval '1 millisecond')
from free f
where q.channel = f.channel
  and q.priority = f.priority
  and q.id = f.id
  and q.lease_token = f.lease_token
