-- Deletes the held deliveries from the queue and returns their ids.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token}).
-- The whole key at once: with the channel apart, SQLite 3.42 searches by the first columns alone.
delete from rowcast_queue
where (channel, priority, id) in (
  select q.channel, q.priority, q.id
  from json_each(:deliveries) as r
  cross join rowcast_queue as q
    on q.channel = :channel
    and q.priority = r.value ->> 'priority'
    and q.id = r.value ->> 'id'
    and q.lease_token = r.value ->> 'lease_token'
)
returning id
