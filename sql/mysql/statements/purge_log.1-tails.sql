-- Deletes from the tail of a channel what is older than the retention time and read by every group; returns the
-- positions. This step picks the channel whose first event is the oldest of those that may go.
-- One channel a call, where Postgres takes them all: that takes a lateral join, which MariaDB lacks. The checkpoints are
-- joined rather than looked up by a subquery, which MariaDB loses when a prepared statement runs again.
-- Params: retention_ms, drop_unread (whether groups that have not read it are passed over).
select
  d.channel as tail_channel,
  case
    when :drop_unread = 1 or k.position is null then 9007199254740991
    else k.position
  end as last_position
from (
  select l.channel, min(l.position) as tail_position
  from rowcast_log as l
  group by l.channel
) as d
left join (
  select c.channel, min(c.position) as `position`
  from rowcast_checkpoint as c
  group by c.channel
) as k
  on k.channel = d.channel
join rowcast_log as l
  on l.channel = d.channel
  and l.position = d.tail_position
where (:drop_unread = 1 or k.position is null or d.tail_position <= k.position)
  and l.created_at < date_sub(utc_timestamp(6), interval least(:retention_ms * 1e3, 3.1536e16) microsecond)
order by l.created_at
limit 1
