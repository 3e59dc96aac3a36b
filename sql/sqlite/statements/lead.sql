-- Leases a group's checkpoints on some channels, those that nobody holds; a holder that let its lease end has died, or
-- stood still, at the event that comes next, which counts as an attempt at it.
-- Params: channels (JSON array), consumer_group, lease_token, lease_ms, consumer.
update rowcast_checkpoint
set attempts = attempts + (lease_token is not null),
    former_token = lease_token,
    former_position = position,
    lease_token = :lease_token,
    lease_expires_at = cast(unixepoch('subsec') * 1000 + :lease_ms as integer),
    consumer = :consumer,
    updated_at = cast(unixepoch('subsec') * 1000 as integer)
where channel in (select c.value from json_each(:channels) as c)
  and consumer_group = :consumer_group
  and (lease_expires_at is null or lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer))
returning channel, position, attempts, lease_expires_at as lease_expires_at_ms
