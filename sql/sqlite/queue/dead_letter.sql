-- returns: held

-- step: stored
-- Moves leased deliveries to the dead letters and frees their dedupe keys; returns the ids whose lease was held. This
-- step copies them; there is one writer, so every step finds the same rows held.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, error}).
insert into rowcast_dead_letter (
  id, channel, priority, {content}, dedupe_key, attempts, max_attempts, created_at, died_at, error
)
select
  q.id, q.channel, q.priority, {q.content}, q.dedupe_key, min(q.attempts, q.max_attempts), q.max_attempts,
  q.created_at, cast(unixepoch('subsec') * 1000 as integer), r.value ->> 'error'
from json_each(:deliveries) as r
cross join rowcast_queue as q
  on q.channel = :channel
  and q.priority = r.value ->> 'priority'
  and q.id = r.value ->> 'id'
  and q.lease_token = r.value ->> 'lease_token'
where true
on conflict do nothing

-- step: freed
-- Frees the dedupe keys of the held deliveries.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token}).
delete from rowcast_dedupe
where channel = :channel
  and dedupe_key in (
    select d.dedupe_key
    from json_each(:deliveries) as r
    cross join rowcast_queue as q
      on q.channel = :channel
      and q.priority = r.value ->> 'priority'
      and q.id = r.value ->> 'id'
      and q.lease_token = r.value ->> 'lease_token'
    cross join rowcast_dedupe as d
      on d.channel = q.channel
      and d.dedupe_key = q.dedupe_key
      and d.id = q.id
  )

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
