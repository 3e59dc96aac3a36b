-- Moves the end of a group's lease on; find_group_lease.sql tells on which channels.
-- Params: channels (JSON array), consumer_group, lease_token, lease_ms.
-- A row that another transaction has locked is passed over, so that a heartbeat waits for no lock.
with free as materialized (
  select k.channel
  from rowcast.checkpoint k
  where k.channel = any (array(select c.channel from json_array_elements_text(:channels::json) as c (channel)))
    and k.consumer_group = :consumer_group
    and k.lease_token = :lease_token::uuid
  for no key update skip locked
)
update rowcast.checkpoint k
set lease_expires_at = greatest(
      k.lease_expires_at, statement_timestamp() + :lease_ms * interval '1 millisecond'
    )
from free f
where k.channel = f.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token::uuid
