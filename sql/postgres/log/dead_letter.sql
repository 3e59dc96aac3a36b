-- Copies an event of the log to the dead letters of a group, while its lease is held; returns the channel if it was.
-- Params: channel, consumer_group, lease_token, position, attempts, max_attempts, error.
with held as (
  select k.channel
  from rowcast.checkpoint k
  where k.channel = :channel
    and k.consumer_group = :consumer_group
    and k.lease_token = :lease_token::uuid
),
buried as (
  insert into rowcast.dead_letter (
    id, consumer_group, channel, priority, {entry}, attempts, max_attempts, created_at, died_at, error
  )
  select
    l.id, :consumer_group, l.channel, 5, {l.entry}, :attempts, :max_attempts, l.created_at,
    statement_timestamp(), :error
  from rowcast.log l
  cross join held h
  where l.channel = :channel
    and l.position = :position
  on conflict do nothing
)
select h.channel
from held h
