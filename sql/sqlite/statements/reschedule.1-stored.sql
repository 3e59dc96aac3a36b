-- Moves leased deliveries to scheduled; returns the ids whose lease was held. This step copies them; there is one writer,
-- so both steps find the same rows held.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, delay_ms, error}).
insert into rowcast_scheduled (
  id, channel, priority, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  q.id, q.channel, q.priority, q.payload, q.metadata, q.dedupe_key, q.attempts, q.max_attempts, q.created_at,
  cast(unixepoch('subsec') * 1000 + (r.value ->> 'delay_ms') as integer), coalesce(r.value ->> 'error', q.last_error)
from json_each(:deliveries) as r
cross join rowcast_queue as q
  on q.channel = :channel
  and q.priority = r.value ->> 'priority'
  and q.id = r.value ->> 'id'
  and q.lease_token = r.value ->> 'lease_token'
where true
on conflict do nothing
