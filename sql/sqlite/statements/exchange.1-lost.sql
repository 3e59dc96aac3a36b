-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it. This step finds
-- those that are not held; there are few, so that it costs less than a row for each that is.
-- Five steps where Postgres has one statement: here a delete cannot be the source of an insert. There is one writer, so
-- every step finds the same rows held. The library skips those that have nothing to do.
-- Params: channel, settled (JSON array of {priority, id, lease_token}).
select 'lost' as outcome, s.value ->> 'id' as id
from json_each(:settled) as s
where not exists (
  select 1
  from rowcast_queue as q
  where q.channel = :channel
    and q.priority = s.value ->> 'priority'
    and q.id = s.value ->> 'id'
    and q.lease_token = s.value ->> 'lease_token'
)
