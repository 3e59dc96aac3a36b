-- Puts dead letters back into the queue, as if never attempted, without their dedupe keys (which others may have taken);
-- returns what was put back and wakes the consumers.
-- Params: ids (JSON array), topics (JSON array of NOTIFY topics).
with revived as (
  delete from rowcast.dead_letter d
  using json_array_elements_text(:ids::json) as i (id)
  where d.id = i.id::uuid
    and d.consumer_group = ''
  returning
    d.id, d.channel, d.priority, {d.content}, d.max_attempts, d.created_at, d.error
),
woken as (
  select count(pg_notify(t.topic, '')) as notified
  from json_array_elements_text(:topics::json) as t (topic)
),
stored as (
  insert into rowcast.queue (
    channel, priority, id, {content}, attempts, max_attempts, created_at, available_at, last_error
  )
  select
    r.channel, r.priority, r.id, {r.content}, 0, r.max_attempts, r.created_at, statement_timestamp(), r.error
  from revived r
  on conflict do nothing
)
select r.id, r.channel, w.notified
from revived r
cross join woken w
