-- Makes leased deliveries ready at once; returns the ids whose lease was held.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, given_back, error}; given_back is 1 when the
-- attempt did not happen, else 0).
-- The list is materialized with the channel in it, so that the queue can only be searched by it: else the whole channel
-- is read, and the list for each row of it.
with deliveries as materialized (
  select
    :channel as channel, r.value ->> 'priority' as priority, r.value ->> 'id' as id,
    r.value ->> 'lease_token' as lease_token, r.value ->> 'given_back' as given_back, r.value ->> 'error' as error
  from json_each(:deliveries) as r
)
update rowcast_queue as q
set lease_token = null,
    lease_expires_at = null,
    attempts = q.attempts - r.given_back,
    available_at = iif(r.given_back = 0, cast(unixepoch('subsec') * 1000 as integer), q.available_at),
    last_error = coalesce(r.error, q.last_error)
from deliveries as r
where q.channel = r.channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
returning id
