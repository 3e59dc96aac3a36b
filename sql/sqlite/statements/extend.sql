-- Moves the end of leases on; returns the ids whose lease was held, with the new end.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, lease_ms}).
-- A lease never gets shorter: the heartbeat must not undo a longer extension that a consumer asked for.
-- The list is materialized with the channel in it, so that the queue can only be searched by it: else the whole channel
-- is read, and the list for each row of it.
with deliveries as materialized (
  select
    :channel as channel, r.value ->> 'priority' as priority, r.value ->> 'id' as id,
    r.value ->> 'lease_token' as lease_token, r.value ->> 'lease_ms' as lease_ms
  from json_each(:deliveries) as r
)
update rowcast_queue as q
set lease_expires_at = max(q.lease_expires_at, cast(unixepoch('subsec') * 1000 + r.lease_ms as integer))
from deliveries as r
where q.channel = r.channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
returning id, lease_expires_at as lease_expires_at_ms
