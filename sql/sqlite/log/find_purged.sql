-- The last positions that retention has deleted, of channels where it has deleted any.
-- Params: channels (JSON array).
select t.channel, t.position
from rowcast_log_tail as t
where t.channel in (select c.value from json_each(:channels) as c)
