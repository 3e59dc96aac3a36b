-- Counts a piece of what a group has before it on one channel: how many events were looked at, how many of them are the
-- group's, and the last position.
-- Params: channel, consumer_group, after (the last position that was counted), limit.
select
  count(*) as counted,
  count(*) filter (where p.consumer_group in ('', :consumer_group)) as lag,
  max(p.position) as position
from (
  select l.position, l.consumer_group
  from rowcast_log as l
  where l.channel = :channel
    and l.position > :after
  order by l.position
  limit :limit
) as p
