-- Makes leased deliveries ready at once; returns the ids whose lease was held.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, given_back, error}; given_back is 1 when the
-- attempt did not happen, else 0).
-- `deliveries` is materialized with the channel in it, and its filter, which all pass, makes the planner expect few rows:
-- else, where statistics are old, it reads the whole channel to find them.
with deliveries as materialized (
  select :channel::text as channel, d.*
  from json_to_recordset(:deliveries::json) as d (
    priority smallint, id uuid, lease_token uuid, given_back integer, error text
  )
  where d.priority between -32768 and 32767
)
update rowcast.queue q
set lease_token = null,
    lease_expires_at = null,
    attempts = q.attempts - r.given_back,
    available_at = case when r.given_back = 0 then statement_timestamp() else q.available_at end,
    last_error = coalesce(r.error, q.last_error)
from deliveries r
where q.channel = r.channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
returning q.id
