-- Counts by life stage, for each channel that has anything in it. Dead letters of groups are a log's.
-- Params: channel (null for all).
-- There is no full join here, so the stages are stacked and summed.
select
  a.channel,
  sum(a.ready) as ready,
  sum(a.leased) as leased,
  sum(a.scheduled) as scheduled,
  sum(a.dead) as dead,
  timestampdiff(microsecond, min(a.oldest), utc_timestamp(6)) div 1000 as oldest_ready_ms
from (
  select
    q.channel,
    count(case when q.lease_expires_at is null or q.lease_expires_at <= utc_timestamp(6) then 1 end) as ready,
    count(case when q.lease_expires_at > utc_timestamp(6) then 1 end) as leased,
    0 as scheduled,
    0 as dead,
    min(
      case when q.lease_expires_at is null or q.lease_expires_at <= utc_timestamp(6) then q.available_at end
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
  where d.consumer_group = ''
    and (:channel is null or d.channel = :channel)
  group by d.channel
) as a
group by a.channel
order by a.channel
