-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it. This step copies
-- those that are held into history.
-- Six steps where Postgres has one statement: here a delete cannot be the source of an insert, a statement costs no round
-- trip, and a bound value less than one parsed out of JSON. There is one writer, so every step finds the same rows held.
-- The library skips those that have nothing to do.
-- Params: channel, settled (list of {priority, id, lease_token}, one at a time), keep_history, consumer.
insert into rowcast_history (
  id, channel, priority, payload, metadata, attempts, outcome, consumer, lease_token, created_at, settled_at
)
select
  q.id, q.channel, q.priority, q.payload, q.metadata, q.attempts, 'acked', :consumer, q.lease_token, q.created_at,
  cast(unixepoch('subsec') * 1000 as integer)
from rowcast_queue as q
where q.channel = :channel
  and q.priority = :settled.priority
  and q.id = :settled.id
  and q.lease_token = :settled.lease_token
  and :keep_history
on conflict do nothing
