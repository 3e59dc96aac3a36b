-- Moves the end of leases on, of all channels at once; find_leased.sql tells which.
-- Params: deliveries (JSON array of {channel, priority, id, lease_token, lease_ms}).
-- A lease never gets shorter: the heartbeat must not undo a longer extension that a consumer asked for.
-- The list is materialized, so that the queue can only be searched by it: else the whole of it is read, and the list for
-- each row.
with deliveries as materialized (
  select
    r.value ->> 'channel' as channel, r.value ->> 'priority' as priority, r.value ->> 'id' as id,
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
