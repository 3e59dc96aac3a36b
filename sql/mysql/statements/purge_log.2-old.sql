-- Finds the old events of that channel among its first, and locks them, passing over what others are purging.
-- Params: tails (row of the step before), retention_ms, limit.
select l.channel, l.position
from rowcast_log as l force index (primary)
where json_length(:tails) > 0
  and l.channel = json_unquote(json_extract(:tails, '$[0].tail_channel'))
  and l.position <= cast(json_unquote(json_extract(:tails, '$[0].last_position')) as signed)
  and l.created_at < date_sub(utc_timestamp(6), interval least(:retention_ms * 1e3, 3.1536e16) microsecond)
order by l.position
limit :limit
for update skip locked
