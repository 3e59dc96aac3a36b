-- Deletes from scheduled what the step before moved, whatever the time is by now.
-- Params: stored (rows of the step before).
delete from rowcast_scheduled
where id in (select m.value ->> 'id' from json_each(:stored) as m)
