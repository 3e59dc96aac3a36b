-- returns: old

-- step: tails
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

-- step: old, unless tails is empty
-- Finds the old events of that channel among its first, and locks them, passing over what others are purging.
-- Params: tails (row of the step before), retention_ms, limit.
-- Its first are found before their age is looked at: else every purge reads the whole channel, to its end.
select l.channel, l.position
from (
  select t.channel, t.position
  from rowcast_log as t force index (primary)
  where t.channel = json_unquote(json_extract(:tails, '$[0].tail_channel'))
    and t.position <= cast(json_unquote(json_extract(:tails, '$[0].last_position')) as signed)
  order by t.channel, t.position
  limit :limit
) as first
straight_join rowcast_log as l force index (primary)
  on l.channel = first.channel
  and l.position = first.position
  and l.created_at < date_sub(utc_timestamp(6), interval least(:retention_ms * 1e3, 3.1536e16) microsecond)
order by first.position
for update skip locked

-- step: removed, unless old is empty
-- Deletes the old events.
-- Params: old (rows of the step before).
delete l
from json_table(:old, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  `position` bigint path '$.position'
)) as o
straight_join rowcast_log as l force index (primary)
  on l.channel = o.channel
  and l.position = o.position

-- step: passed, unless old is empty
-- Remembers how far the channel was deleted, so that a reader who comes later knows what it has missed.
-- Params: old (rows of the second step).
insert into rowcast_log_tail (channel, `position`)
select p.channel, p.last_position
from (
  select o.channel, max(o.position) as last_position
  from json_table(:old, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
    `position` bigint path '$.position'
  )) as o
  group by o.channel
) as p
on duplicate key update `position` = greatest(rowcast_log_tail.position, p.last_position)
