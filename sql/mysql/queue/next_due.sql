-- For each channel that has something to wait for: how many milliseconds until its queue has an event to claim (0 or
-- less when it has one, later when all are leased) and until its next scheduled event is due.
-- Postgres looks at the first 1 000 rows of a queue; that takes a lateral join, which MariaDB lacks. Here the scan ends at
-- the first ready event, and only where all are leased does it read all, which are those in hand.
-- The channel is in the order of the scheduled, too: without it MySQL reads the whole channel and sorts it.
-- Params: channels (JSON array).
select
  c.channel,
  coalesce(
    (
      select 0
      from rowcast_queue as q force index (primary)
      where q.channel = c.channel
        and (q.lease_expires_at is null or q.lease_expires_at <= utc_timestamp(6))
      limit 1
    ),
    (
      select (timestampdiff(microsecond, utc_timestamp(6), min(q.lease_expires_at)) + 999) div 1000
      from rowcast_queue as q force index (primary)
      where q.channel = c.channel
    )
  ) as queue_due_ms,
  (
    select (timestampdiff(microsecond, utc_timestamp(6), s.available_at) + 999) div 1000
    from rowcast_scheduled as s force index (rowcast_scheduled_due)
    where s.channel = c.channel
    order by s.channel, s.available_at
    limit 1
  ) as scheduled_due_ms,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 as now_ms
from json_table(:channels, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
)) as c
