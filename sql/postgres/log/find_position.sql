-- The last position of what was published before a time; 0 where there is nothing. Reads the whole log: for a reader that finds
-- it emptied or restored.
-- Params: before_ms (epoch milliseconds).
select coalesce(max(l.position), 0) as position
from rowcast.log l
where l.created_at < to_timestamp(:before_ms::float8 / 1000)
