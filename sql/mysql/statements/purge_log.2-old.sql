-- Finds the old events of that channel among its first, and locks them, passing over what others are purging.
-- Params: tails (row of the step before), retention_ms, limit.
-- Its first are found before their age is looked at: else every purge reads the whole channel, to its end.
select l.channel, l.position
from (
  select t.channel, t.position
  from rowcast_log as t force index (primary)
  where json_length(:tails) > 0
    and t.channel = json_unquote(json_extract(:tails, '$[0].tail_channel'))
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
