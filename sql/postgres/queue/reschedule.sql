-- Moves leased deliveries to scheduled; returns the ids whose lease was held.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token, delay_ms, error}).
-- The bounds hold for every row. They are for the planner, which otherwise expects a hundred rows and reads a whole table
-- to hash it; expecting one, it looks each up by its key.
with deliveries as materialized (
  select r.priority, r.id, r.lease_token, r.delay_ms, r.error
  from json_to_recordset(:deliveries::json) as r (
    priority smallint, id uuid, lease_token uuid, delay_ms double precision, error text
  )
  where r.priority between -32768 and 32767
),
moved as (
  delete from rowcast.queue q
  using deliveries r
  where q.channel = :channel
    and q.priority = r.priority
    and q.id = r.id
    and q.lease_token = r.lease_token
  returning
    q.id, q.channel, q.priority, {q.content}, q.dedupe_key, q.attempts, q.max_attempts, q.created_at,
    q.last_error, r.delay_ms, r.error
)
insert into rowcast.scheduled (
  id, channel, priority, {content}, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  m.id, m.channel, m.priority, {m.content}, m.dedupe_key, m.attempts, m.max_attempts, m.created_at,
  statement_timestamp() + m.delay_ms * interval '1 millisecond', coalesce(m.error, m.last_error)
from moved m
returning id
