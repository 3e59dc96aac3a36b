-- On which channels a member still has the lease of its group, when that ends, and in how long. Waits for no lock.
-- Params: channels (JSON array), consumer_group, lease_token.
select
  k.channel,
  trunc(extract(epoch from k.lease_expires_at) * 1000) as lease_expires_at_ms,
  trunc(extract(epoch from k.lease_expires_at - statement_timestamp()) * 1000) as left_ms
from rowcast.checkpoint k
where k.channel = any (array(select c.channel from json_array_elements_text(:channels::json) as c (channel)))
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token::uuid
