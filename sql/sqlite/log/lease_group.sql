-- Leases a group's checkpoints on some channels, those that nobody holds; a holder that let its lease end has died, or
-- stood still, at the event that comes next, which counts as an attempt at it, if that was there before the lease ended.
-- Params: channels (JSON array), consumer_group, lease_token, lease_ms, consumer.
update rowcast_checkpoint
set attempts = iif(
      (
        select l.created_at
        from rowcast_log as l
        where l.channel = rowcast_checkpoint.channel
          and l.position > rowcast_checkpoint.position
          and l.consumer_group in ('', rowcast_checkpoint.consumer_group)
        order by l.position
        limit 1
      ) < coalesce(lease_expires_at, cast(unixepoch('subsec') * 1000 as integer)),
      attempts + (lease_token is not null),
      0
    ),
    former_token = coalesce(lease_token, former_token),
    former_position = iif(lease_token is null, former_position, position),
    lease_token = :lease_token,
    lease_expires_at = cast(unixepoch('subsec') * 1000 + :lease_ms as integer),
    consumer = :consumer,
    updated_at = cast(unixepoch('subsec') * 1000 as integer)
where channel in (select c.value from json_each(:channels) as c)
  and consumer_group = :consumer_group
  and (lease_expires_at is null or lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer))
returning channel, position, attempts, lease_expires_at as lease_expires_at_ms
