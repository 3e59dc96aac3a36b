-- returns: acked, claimed

-- step: kept, when keep_history, each settled
-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it. This step copies
-- those that are held into history.
-- Six steps where Postgres has one statement: here a delete cannot be the source of an insert, a statement costs no round
-- trip, and a bound value less than one parsed out of JSON. There is one writer, so every step finds the same rows held.
-- Params: channel, settled (list of {priority, id, lease_token}, one at a time), consumer.
insert into rowcast_history (
  id, channel, priority, {content}, attempts, outcome, consumer, lease_token, created_at, settled_at
)
select
  q.id, q.channel, q.priority, {q.content}, q.attempts, 'acked', :consumer, q.lease_token, q.created_at,
  cast(unixepoch('subsec') * 1000 as integer)
from rowcast_queue as q
where q.channel = :channel
  and q.priority = :settled.priority
  and q.id = :settled.id
  and q.lease_token = :settled.lease_token
on conflict do nothing

-- step: freed, unless keyed is empty
-- Frees the dedupe keys of the held deliveries.
-- Params: channel, settled (JSON array of {priority, id, lease_token}), keyed (JSON array of ids of those that have a
-- dedupe key).
delete from rowcast_dedupe
where channel = :channel
  and dedupe_key in (
    select d.dedupe_key
    from json_each(:settled) as s
    cross join rowcast_queue as q
      on q.channel = :channel
      and q.priority = s.value ->> 'priority'
      and q.id = s.value ->> 'id'
      and q.lease_token = s.value ->> 'lease_token'
    cross join rowcast_dedupe as d
      on d.channel = q.channel
      and d.dedupe_key = q.dedupe_key
      and d.id = q.id
    where q.id in (select k.value from json_each(:keyed) as k)
  )

-- step: acked, each settled
-- Deletes the held deliveries from the queue; what it finds is an ack.
-- Params: channel, settled (list of {priority, id, lease_token}, one at a time).
delete from rowcast_queue
where channel = :channel
  and priority = :settled.priority
  and id = :settled.id
  and lease_token = :settled.lease_token

-- step: head, when limit
-- Finds where the first events of a channel that nobody leases end, and by which time nobody does; at most one row.
-- So the two steps after go through a range of the key, in half the time of a search for each of its rows.
-- Params: channel, limit.
select h.priority, h.id, h.now_ms
from (
  select q.priority, q.id, cast(unixepoch('subsec') * 1000 as integer) as now_ms
  from rowcast_queue as q
  where q.channel = :channel
    and (q.lease_expires_at is null or q.lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer))
  order by q.priority, q.id
  limit :limit
) as h
order by h.priority desc, h.id desc
limit 1

-- step: claimed, each head
-- Reads the head as the next step leases it. An event whose attempts are used up is leased too, one attempt over its
-- maximum, for the claimer to set aside.
-- Params: channel, head (row of the step before), lease_ms.
select
  'claimed' as outcome, q.id, q.priority, q.payload, q.metadata, q.dedupe_key,
  min(q.attempts, q.max_attempts) + 1 as attempts, q.max_attempts, q.created_at as created_at_ms,
  q.available_at as available_at_ms, cast(:head.now_ms + :lease_ms as integer) as lease_expires_at_ms, q.last_error
from rowcast_queue as q
where q.channel = :channel
  and (q.priority, q.id) <= (:head.priority, :head.id)
  and (q.lease_expires_at is null or q.lease_expires_at <= :head.now_ms)
order by q.priority, q.id

-- step: leased, each head
-- Leases the head.
-- Params: channel, head (row of the step that found it), lease_token, lease_ms.
update rowcast_queue
set attempts = min(attempts, max_attempts) + 1,
    lease_token = :lease_token,
    lease_expires_at = cast(:head.now_ms + :lease_ms as integer)
where channel = :channel
  and (priority, id) <= (:head.priority, :head.id)
  and (lease_expires_at is null or lease_expires_at <= :head.now_ms)
