-- The last position of what was published before a time; 0 where there is nothing. Reads the whole log: for a reader that finds
-- it emptied or restored.
-- Params: before_ms (epoch milliseconds).
select coalesce(max(l.position), 0) as `position`
from rowcast_log as l
where l.created_at < date_add(timestamp '1970-01-01 00:00:00', interval :before_ms * 1e3 microsecond)
