-- On which channels a member still has the lease of its group, when that ends, and in how long.
-- Params: channels (JSON array), consumer_group, lease_token.
select
  k.channel,
  k.lease_expires_at as lease_expires_at_ms,
  cast(k.lease_expires_at - unixepoch('subsec') * 1000 as integer) as left_ms
from rowcast_checkpoint as k
where k.channel in (select c.value from json_each(:channels) as c)
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
