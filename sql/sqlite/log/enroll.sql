-- Makes the checkpoints of a group that has none yet on these channels.
-- Params: channels (JSON array), consumer_group, position.
insert into rowcast_checkpoint (channel, consumer_group, position, attempts, updated_at)
select c.value, :consumer_group, :position, 0, cast(unixepoch('subsec') * 1000 as integer)
from json_each(:channels) as c
where true
on conflict do nothing
