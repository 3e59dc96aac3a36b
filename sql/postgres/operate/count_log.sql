-- How far each channel of the log reaches, and how many dead letters its groups have.
-- Params: channel (null for all).
with heads as (
  select l.channel, max(l.position) as head
  from rowcast.log l
  where :channel::text is null or l.channel = :channel
  group by l.channel
),
gone as (
  select d.channel, count(*) as dead
  from rowcast.dead_letter d
  where d.consumer_group <> ''
    and (:channel::text is null or d.channel = :channel)
  group by d.channel
)
select channel, heads.head, coalesce(gone.dead, 0) as dead
from heads
full join gone using (channel)
order by channel
