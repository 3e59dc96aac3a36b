-- Gives up the lease of a group's checkpoints.
-- Params: channels (JSON array), consumer_group, lease_token.
update rowcast_checkpoint
set lease_token = null,
    lease_expires_at = null,
    consumer = null,
    updated_at = cast(unixepoch('subsec') * 1000 as integer)
where channel in (select c.value from json_each(:channels) as c)
  and consumer_group = :consumer_group
  and lease_token = :lease_token
returning channel
