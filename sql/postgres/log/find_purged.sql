-- The last positions that retention has deleted, of channels where it has deleted any.
-- Params: channels (JSON array).
select t.channel, t.position
from rowcast.log_tail t
where t.channel = any (array(select c.channel from json_array_elements_text(:channels::json) as c (channel)))
