-- Which of some channels have an event to claim now: asked often where no hints come from other processes, so it does nothing
-- else of what next_due.sql does. One read of the key for each channel; it ends at the first ready event.
-- Params: channels (JSON array).
-- No `exists`: that the server may turn into a join, and read the whole queue for it.
select c.channel
from json_table(:channels, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
)) as c
where (
  select 0
  from rowcast_queue as q force index (primary)
  where q.channel = c.channel
    and (q.lease_expires_at is null or q.lease_expires_at <= utc_timestamp(6))
  limit 1
) is not null
