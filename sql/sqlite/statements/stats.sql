-- Counts by life stage, for each channel that has anything in it.
-- Params: channel (null for all).
-- The stages are stacked and summed, as on MySQL, which has no full join.
select
  a.channel,
  sum(a.ready) as ready,
  sum(a.leased) as leased,
  sum(a.scheduled) as scheduled,
  sum(a.dead) as dead,
  cast(unixepoch('subsec') * 1000 as integer) - min(a.oldest) as oldest_ready_ms
from (
  select
    q.channel,
    count(*) filter (
      where q.lease_expires_at is null or q.lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer)
    ) as ready,
    count(*) filter (where q.lease_expires_at > cast(unixepoch('subsec') * 1000 as integer)) as leased,
    0 as scheduled,
    0 as dead,
    min(q.available_at) filter (
      where q.lease_expires_at is null or q.lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer)
    ) as oldest
  from rowcast_queue as q
  where :channel is null or q.channel = :channel
  group by q.channel
  union all
  select s.channel, 0, 0, count(*), 0, null
  from rowcast_scheduled as s
  where :channel is null or s.channel = :channel
  group by s.channel
  union all
  select d.channel, 0, 0, 0, count(*), null
  from rowcast_dead_letter as d
  where :channel is null or d.channel = :channel
  group by d.channel
) as a
group by a.channel
order by a.channel
