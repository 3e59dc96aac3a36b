-- Gives up the lease of a group's checkpoints, and wakes those who stand by.
-- Params: channels (JSON array), consumer_group, lease_token, topics (JSON array of NOTIFY topics).
with given_up as (
  update rowcast.checkpoint k
  set lease_token = null,
      lease_expires_at = null,
      consumer = null,
      updated_at = statement_timestamp()
  where k.channel = any (array(select c.channel from json_array_elements_text(:channels::json) as c (channel)))
    and k.consumer_group = :consumer_group
    and k.lease_token = :lease_token::uuid
  returning k.channel
),
woken as (
  select count(pg_notify(t.topic, '')) as notified
  from json_array_elements_text(:topics::json) as t (topic)
)
select g.channel, w.notified
from given_up g
cross join woken w
