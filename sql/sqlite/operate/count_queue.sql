-- returns: in_queue, in_scheduled, in_dead_letter

-- step: in_queue, unless queue is empty
-- Counts by life stage, for each channel that has anything in it, a piece of each table at a time: the rows of all pieces are
-- to be summed. `place` says where this table goes on; null when it has come to its end. This step counts the queue.
-- Params: channel (null for all), queue (JSON array of the last key of the piece before; empty when it was the last piece),
-- limit.
with piece as materialized (
  select q.channel, q.priority, q.id, q.lease_expires_at, q.available_at
  from rowcast_queue as q
  where (q.channel, q.priority, q.id) > (:queue ->> 0, :queue ->> 1, :queue ->> 2)
    and q.channel <= coalesce(:channel, char(1114111))
  order by q.channel, q.priority, q.id
  limit :limit
)
select
  'queue' as stage, p.channel,
  count(*) as counted,
  count(*) filter (
    where p.lease_expires_at is null or p.lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer)
  ) as ready,
  count(*) filter (where p.lease_expires_at > cast(unixepoch('subsec') * 1000 as integer)) as leased,
  0 as scheduled,
  0 as dead,
  cast(unixepoch('subsec') * 1000 as integer) - min(p.available_at) filter (
    where p.lease_expires_at is null or p.lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer)
  ) as oldest_ready_ms,
  iif(
    (select count(*) from piece) < :limit,
    null,
    (
      select json_array(l.channel, l.priority, l.id)
      from piece as l
      order by l.channel desc, l.priority desc, l.id desc
      limit 1
    )
  ) as place
from piece as p
group by p.channel

-- step: in_scheduled, unless scheduled is empty
-- Counts a piece of what is delayed or waits for its next attempt, in the order of its index.
-- Params: channel (null for all), scheduled (JSON array of the last key of the piece before; empty when it was the last piece),
-- limit.
with piece as materialized (
  select s.channel, s.available_at, s.id
  from rowcast_scheduled as s
  where (s.channel, s.available_at, s.id) > (:scheduled ->> 0, :scheduled ->> 1, :scheduled ->> 2)
    and s.channel <= coalesce(:channel, char(1114111))
  order by s.channel, s.available_at, s.id
  limit :limit
)
select
  'scheduled' as stage, p.channel, count(*) as counted, 0 as ready, 0 as leased, count(*) as scheduled, 0 as dead,
  null as oldest_ready_ms,
  iif(
    (select count(*) from piece) < :limit,
    null,
    (
      select json_array(l.channel, l.available_at, l.id)
      from piece as l
      order by l.channel desc, l.available_at desc, l.id desc
      limit 1
    )
  ) as place
from piece as p
group by p.channel

-- step: in_dead_letter, unless dead_letter is empty
-- Counts a piece of the dead letters, in the order of their index: those of groups of a log are passed over.
-- Params: channel (null for all), dead_letter (JSON array of the last key of the piece before; empty when it was the last
-- piece), limit.
with piece as materialized (
  select d.channel, d.id, d.consumer_group
  from rowcast_dead_letter as d
  where (d.channel, d.id, d.consumer_group) > (:dead_letter ->> 0, :dead_letter ->> 1, :dead_letter ->> 2)
    and d.channel <= coalesce(:channel, char(1114111))
  order by d.channel, d.id, d.consumer_group
  limit :limit
)
select
  'dead_letter' as stage, p.channel, count(*) as counted, 0 as ready, 0 as leased, 0 as scheduled,
  count(*) filter (where p.consumer_group = '') as dead,
  null as oldest_ready_ms,
  iif(
    (select count(*) from piece) < :limit,
    null,
    (
      select json_array(l.channel, l.id, l.consumer_group)
      from piece as l
      order by l.channel desc, l.id desc, l.consumer_group desc
      limit 1
    )
  ) as place
from piece as p
group by p.channel
