-- Which of these deliveries still have their lease: asked of those that extend.sql passed over. Where there is one writer,
-- that is none.
-- Params: deliveries (JSON array of {channel, priority, id, lease_token}).
select q.id
from json_each(:deliveries) as r
cross join rowcast_queue as q
  on q.channel = r.value ->> 'channel'
  and q.priority = r.value ->> 'priority'
  and q.id = r.value ->> 'id'
  and q.lease_token = r.value ->> 'lease_token'
