-- returns: behind

-- step: behind
-- Moves the counter of positions on where a group has read further than the log reaches: the log was emptied, and its counter
-- with it. This step finds the position where there may be something to do.
select k.position
from rowcast_checkpoint as k
where k.position > coalesce((select max(l.position) from rowcast_log as l), 0)
order by k.position desc
limit 1

-- step: marked, each behind
-- The counter follows the greatest position that was ever there.
-- Params: behind (list of the row of the step before, one at a time).
insert into rowcast_log (position, channel, id, payload, created_at)
values (:behind.position, '', '', 'null', 0)

-- step: unmarked, each behind
-- What marked it is no event.
-- Params: behind (list of the row of the first step, one at a time).
delete from rowcast_log
where position = :behind.position
