-- returns: heads, in_dead_letter

-- step: heads, unless head is empty
-- How far each channel of the log reaches, and how many dead letters its groups have, which are counted a piece at a time: the
-- rows of all pieces are to be put together. This step asks for the heads, from one channel to the next, rather than read
-- the whole index.
-- Params: channel (null for all), head (JSON array of the channel to begin after; empty when they are known).
with recursive channels(channel) as (
  select coalesce(:channel, (select min(l.channel) from rowcast_log as l where l.channel > :head ->> 0))
  union all
  select (select min(l.channel) from rowcast_log as l where l.channel > c.channel)
  from channels as c
  where :channel is null
    and c.channel is not null
)
select h.channel, h.head, 0 as dead
from (
  select c.channel, (select max(l.position) from rowcast_log as l where l.channel = c.channel) as head
  from channels as c
) as h
where h.head is not null

-- step: in_dead_letter, unless dead_letter is empty
-- Counts a piece of the dead letters, in the order of their index: those of a queue are passed over. `place` says where it goes on; null at the end.
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
  'dead_letter' as stage, p.channel, count(*) as counted, null as head,
  count(*) filter (where p.consumer_group <> '') as dead,
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
