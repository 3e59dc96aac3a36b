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
