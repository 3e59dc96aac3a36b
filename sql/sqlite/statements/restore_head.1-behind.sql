-- Moves the counter of positions on where a group has read further than the log reaches: the log was emptied, and its counter
-- with it. This step finds the position where there may be something to do.
select k.position
from rowcast_checkpoint as k
where k.position > coalesce((select max(l.position) from rowcast_log as l), 0)
order by k.position desc
limit 1
