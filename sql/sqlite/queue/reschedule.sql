-- returns: held

-- step: stored
-- Moves leased deliveries to scheduled; returns the ids whose lease was held. This step copies them; there is one writer,
-- so both steps find the same rows held.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, delay_ms, error}).
insert into rowcast_scheduled (
  id, channel, priority, {content}, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  q.id, q.channel, q.priority, {q.content}, q.dedupe_key, q.attempts, q.max_attempts, q.created_at,
  cast(unixepoch('subsec') * 1000 + (r.value ->> 'delay_ms') as integer), coalesce(r.value ->> 'error', q.last_error)
from json_each(:deliveries) as r
cross join rowcast_queue as q
  on q.channel = :channel
  and q.priority = r.value ->> 'priority'
  and q.id = r.value ->> 'id'
  and q.lease_token = r.value ->> 'lease_token'
where true
on conflict do nothing

-- step: held
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
