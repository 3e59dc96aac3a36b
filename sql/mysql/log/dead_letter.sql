-- returns: held

-- step: held
-- Copies an event of the log to the dead letters of a group, while its lease is held; returns the channel if it was. This
-- step finds and locks the checkpoint.
-- Params: channel, consumer_group, lease_token.
select k.channel
from rowcast_checkpoint as k
where k.channel = :channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
for update

-- step: buried, unless held is empty
-- Copies the event.
-- Params: channel, consumer_group, position, attempts, max_attempts, error.
insert into rowcast_dead_letter (
  id, consumer_group, channel, priority, {entry}, attempts, max_attempts, created_at, died_at, error
)
select
  l.id, :consumer_group, l.channel, 5, {l.entry}, :attempts, :max_attempts, l.created_at, utc_timestamp(6),
  :error
from rowcast_log as l
where l.channel = :channel
  and l.position = :position
on duplicate key update id = rowcast_dead_letter.id
