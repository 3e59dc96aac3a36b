-- Says how far the channels reach, and the log as a whole, and whether more is waiting: also what was committed after the
-- batch was read, which is worth another look. Nothing older is, if the log has grown by less than the limit.
-- Params: channels (JSON array), from_id.
-- A head is the first of the key, backwards: for a maximum MariaDB reads the whole channel. The channel is in the order,
-- too: without it MySQL reads the whole channel and sorts it.
select
  c.channel,
  (
    select l.position
    from rowcast_log as l
    where l.channel = c.channel
    order by l.channel desc, l.position desc
    limit 1
  ) as `position`,
  (select h.position from rowcast_log_head as h) as log_position,
  exists (select 1 from rowcast_log_incoming as i where i.id >= :from_id) as waiting,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 as now_ms
from json_table(:channels, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
)) as c
