-- Remembers how far a group has read, and extends the lease; returns the channels whose lease was held. A position that
-- moved on leaves the attempts at the one before behind.
-- Params: checkpoints (JSON array of {channel, position}), consumer_group, lease_token, lease_ms.
with news as materialized (
  select n.value ->> 'channel' as channel, n.value ->> 'position' as position
  from json_each(:checkpoints) as n
)
update rowcast_checkpoint as k
set attempts = iif(n.position > k.position, 0, k.attempts),
    position = max(n.position, k.position),
    lease_expires_at = max(k.lease_expires_at, cast(unixepoch('subsec') * 1000 + :lease_ms as integer)),
    updated_at = cast(unixepoch('subsec') * 1000 as integer)
from news as n
where k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
returning channel, lease_expires_at as lease_expires_at_ms
