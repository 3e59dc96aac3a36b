-- Counts a piece of the dead letters, in the order of their index.
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
  'dead_letter' as stage, p.channel, count(*) as counted, 0 as ready, 0 as leased, 0 as scheduled, count(*) as dead,
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
