-- Says how far some channels reach now, and the log as a whole.
-- Params: channels (JSON array).
-- Positions are given on the way in (see the migration), so there is nothing to number and nothing waits for it.
select
  c.value as channel,
  (
    select max(l.position)
    from rowcast_log as l
    where l.channel = c.value
  ) as position,
  coalesce((select max(l.position) from rowcast_log as l), 0) as log_position,
  0 as waiting,
  cast(unixepoch('subsec') * 1000 as integer) as now_ms
from json_each(:channels) as c
