-- Restores it; another process may have done so meanwhile.
-- Params: behind (row of the step before).
insert into rowcast.log_head as h (id, position)
select 1, b.position
from json_to_recordset(:behind::json) as b (position bigint)
on conflict (id) do update
set position = greatest(h.position, excluded.position)
