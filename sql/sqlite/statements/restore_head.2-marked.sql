-- The counter follows the greatest position that was ever there.
-- Params: behind (list of the row of the step before, one at a time).
insert into rowcast_log (position, channel, id, payload, created_at)
values (:behind.position, '', '', 'null', 0)
