-- What marked it is no event.
-- Params: behind (list of the row of the first step, one at a time).
delete from rowcast_log
where position = :behind.position
