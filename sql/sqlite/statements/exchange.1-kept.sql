-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it. This step copies
-- those that are held into history.
-- Four steps where Postgres has one statement: here a delete cannot be the source of an insert. There is one writer, so
-- every step finds the same rows held. The library skips those that have nothing to do.
-- Params: channel, settled (JSON array of {priority, id, lease_token}), keep_history, consumer.
insert into rowcast_history (
  id, channel, priority, payload, metadata, attempts, outcome, consumer, lease_token, created_at, settled_at
)
select
  q.id, q.channel, q.priority, q.payload, q.metadata, q.attempts, 'acked', :consumer, q.lease_token, q.created_at,
  cast(unixepoch('subsec') * 1000 as integer)
from json_each(:settled) as s
cross join rowcast_queue as q
  on q.channel = :channel
  and q.priority = s.value ->> 'priority'
  and q.id = s.value ->> 'id'
  and q.lease_token = s.value ->> 'lease_token'
where :keep_history
on conflict do nothing
