-- Deletes the held deliveries from the queue; each row is an ack.
-- Params: channel, settled (JSON array of {priority, id, lease_token}).
-- The whole key at once: with the channel apart, SQLite 3.42 searches by the first columns alone.
delete from rowcast_queue
where (channel, priority, id) in (
  select q.channel, q.priority, q.id
  from json_each(:settled) as s
  cross join rowcast_queue as q
    on q.channel = :channel
    and q.priority = s.value ->> 'priority'
    and q.id = s.value ->> 'id'
    and q.lease_token = s.value ->> 'lease_token'
)
returning 'acked' as outcome, id
