-- Moves the end of a group's lease on; find_group_lease.sql tells on which channels.
-- Params: channels (JSON array), consumer_group, lease_token, lease_ms.
update rowcast_checkpoint
set lease_expires_at = max(lease_expires_at, cast(unixepoch('subsec') * 1000 + :lease_ms as integer))
where channel in (select c.value from json_each(:channels) as c)
  and consumer_group = :consumer_group
  and lease_token = :lease_token
