-- How far each channel of the log reaches, and how many dead letters its groups have.
-- Params: channel (null for all).
-- There is no full join here, so the two are stacked and summed.
select a.channel, max(a.head) as head, sum(a.dead) as dead
from (
  select l.channel, max(l.position) as head, 0 as dead
  from rowcast_log as l
  where :channel is null or l.channel = :channel
  group by l.channel
  union all
  select d.channel, null, count(*)
  from rowcast_dead_letter as d
  where d.consumer_group <> ''
    and (:channel is null or d.channel = :channel)
  group by d.channel
) as a
group by a.channel
order by a.channel
