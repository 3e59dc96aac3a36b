-- returns: held

-- step: buried
-- Copies an event of the log to the dead letters of a group, while its lease is held; returns the channel if it was. This
-- step copies it.
-- Params: channel, consumer_group, lease_token, position, attempts, max_attempts, error.
insert into rowcast_dead_letter (
  id, consumer_group, channel, priority, {entry}, attempts, max_attempts, created_at, died_at, error
)
select
  l.id, :consumer_group, l.channel, 5, {l.entry}, :attempts, :max_attempts, l.created_at,
  cast(unixepoch('subsec') * 1000 as integer), :error
from rowcast_checkpoint as k
cross join rowcast_log as l
  on l.position = :position
  and l.channel = k.channel
where k.channel = :channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
on conflict do nothing

-- step: held
-- Says whether the lease is held.
-- Params: channel, consumer_group, lease_token.
select k.channel
from rowcast_checkpoint as k
where k.channel = :channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
