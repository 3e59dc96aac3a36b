-- Counts by life stage, for each channel that has anything in it. Dead letters of groups are a log's.
-- Params: channel (null for all).
with queued as (
  select
    q.channel,
    count(*) filter (where q.lease_expires_at is null or q.lease_expires_at <= statement_timestamp()) as ready,
    count(*) filter (where q.lease_expires_at > statement_timestamp()) as leased,
    min(q.available_at) filter (
      where q.lease_expires_at is null or q.lease_expires_at <= statement_timestamp()
    ) as oldest
  from rowcast.queue q
  where :channel::text is null or q.channel = :channel
  group by q.channel
),
delayed as (
  select s.channel, count(*) as scheduled
  from rowcast.scheduled s
  where :channel::text is null or s.channel = :channel
  group by s.channel
),
gone as (
  select d.channel, count(*) as dead
  from rowcast.dead_letter d
  where d.consumer_group = ''
    and (:channel::text is null or d.channel = :channel)
  group by d.channel
)
select
  channel,
  coalesce(queued.ready, 0) as ready,
  coalesce(queued.leased, 0) as leased,
  coalesce(delayed.scheduled, 0) as scheduled,
  coalesce(gone.dead, 0) as dead,
  extract(epoch from statement_timestamp() - queued.oldest) * 1000 as oldest_ready_ms
from queued
full join delayed using (channel)
full join gone using (channel)
order by channel
