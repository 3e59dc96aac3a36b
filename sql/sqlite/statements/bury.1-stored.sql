-- Moves leased deliveries to the dead letters and frees their dedupe keys; returns the ids whose lease was held. This
-- step copies them; there is one writer, so every step finds the same rows held.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, error}).
insert into rowcast_dead_letter (
  id, channel, priority, payload, metadata, dedupe_key, attempts, max_attempts, created_at, died_at, error
)
select
  q.id, q.channel, q.priority, q.payload, q.metadata, q.dedupe_key, min(q.attempts, q.max_attempts), q.max_attempts,
  q.created_at, cast(unixepoch('subsec') * 1000 as integer), r.value ->> 'error'
from json_each(:deliveries) as r
cross join rowcast_queue as q
  on q.channel = :channel
  and q.priority = r.value ->> 'priority'
  and q.id = r.value ->> 'id'
  and q.lease_token = r.value ->> 'lease_token'
where true
on conflict do nothing
