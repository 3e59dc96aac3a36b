-- Makes the checkpoints of a group that has none yet on these channels.
-- Params: channels (JSON array), consumer_group, position.
insert into rowcast.checkpoint (channel, consumer_group, position, attempts, updated_at)
select c.channel, :consumer_group, :position, 0, statement_timestamp()
from json_array_elements_text(:channels::json) as c (channel)
on conflict do nothing
