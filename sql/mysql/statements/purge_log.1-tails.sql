-- Deletes from the tail of a channel what is older than the retention time and read by every group; returns the
-- positions. This step picks the channel whose first event is the oldest of those that may go.
-- One channel a call, where Postgres takes them all: that takes a lateral join, which MariaDB lacks.
-- Params: retention_ms, drop_unread (whether groups that have not read it are passed over).
select t.channel as tail_channel, t.last_position
from (
  select
    d.channel, d.tail_position,
    case
      when :drop_unread = 1 then 9007199254740991
      else coalesce(
        (select min(k.position) from rowcast_checkpoint as k where k.channel = d.channel), 9007199254740991
      )
    end as last_position
  from (
    select l.channel, min(l.position) as tail_position
    from rowcast_log as l
    group by l.channel
  ) as d
) as t
join rowcast_log as l
  on l.channel = t.channel
  and l.position = t.tail_position
where t.tail_position <= t.last_position
  and l.created_at < date_sub(utc_timestamp(6), interval least(:retention_ms * 1e3, 3.1536e16) microsecond)
order by l.created_at
limit 1
