-- Moves the end of a group's lease on; returns the channels on which it was extended, with the new end.
-- Params: channels (JSON array), consumer_group, lease_token, lease_ms.
update rowcast_checkpoint
set lease_expires_at = max(lease_expires_at, cast(unixepoch('subsec') * 1000 + :lease_ms as integer))
where channel in (select c.value from json_each(:channels) as c)
  and consumer_group = :consumer_group
  and lease_token = :lease_token
returning channel, lease_expires_at as lease_expires_at_ms
