-- On which channels a member still has the lease of its group: asked when extend_group.sql passed some over. Where there is
-- one writer, those are the ones that it did extend.
-- Params: channels (JSON array), consumer_group, lease_token.
select k.channel
from rowcast_checkpoint as k
where k.channel in (select c.value from json_each(:channels) as c)
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
