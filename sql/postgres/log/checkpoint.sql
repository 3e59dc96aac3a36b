-- Remembers how far a group has read, and extends the lease; returns the channels whose lease was held. A position that
-- moved on leaves the attempts at the one before behind.
-- Params: checkpoints (JSON array of {channel, position}), consumer_group, lease_token, lease_ms.
update rowcast.checkpoint k
set attempts = case when n.position > k.position then 0 else k.attempts end,
    position = greatest(n.position, k.position),
    lease_expires_at = greatest(
      k.lease_expires_at, statement_timestamp() + :lease_ms * interval '1 millisecond'
    ),
    updated_at = statement_timestamp()
from json_to_recordset(:checkpoints::json) as n (channel text, position bigint)
where k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token::uuid
returning k.channel, trunc(extract(epoch from k.lease_expires_at) * 1000) as lease_expires_at_ms
