-- Makes leased deliveries ready at once; returns the ids whose lease was held.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, given_back, error}; given_back is 1 when the
-- attempt did not happen, else 0).
-- The bounds hold for every row. They are for the planner, which otherwise expects a hundred rows and reads a whole table
-- to hash it; expecting one, it looks each up by its key.
with deliveries as materialized (
  select r.priority, r.id, r.lease_token, r.given_back, r.error
  from json_to_recordset(:deliveries::json) as r (
    priority smallint, id uuid, lease_token uuid, given_back integer, error text
  )
  where r.priority between -32768 and 32767
)
update rowcast.queue q
set lease_token = null,
    lease_expires_at = null,
    attempts = q.attempts - r.given_back,
    available_at = case when r.given_back = 0 then statement_timestamp() else q.available_at end,
    last_error = coalesce(r.error, q.last_error)
from deliveries r
where q.channel = :channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
returning q.id
