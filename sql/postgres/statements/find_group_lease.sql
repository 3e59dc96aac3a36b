-- On which channels a member still has the lease of its group: asked when extend_group.sql passed some over. Waits for
-- nobody.
-- Params: channels (JSON array), consumer_group, lease_token.
select k.channel
from rowcast.checkpoint k
where k.channel = any (array(select c.channel from json_array_elements_text(:channels::json) as c (channel)))
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token::uuid
