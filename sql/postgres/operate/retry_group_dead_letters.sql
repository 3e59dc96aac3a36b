-- Puts dead letters of groups back into the log, at its end, each for its group alone; returns what was put back and wakes
-- the readers.
-- Params: ids (JSON array), topics (JSON array of NOTIFY topics).
with revived as (
  delete from rowcast.dead_letter d
  using json_array_elements_text(:ids::json) as i (id)
  where d.id = i.id::uuid
    and d.consumer_group <> ''
  returning d.id, d.channel, d.consumer_group, {d.entry}, d.created_at
),
woken as (
  select count(pg_notify(t.topic, '')) as notified
  from json_array_elements_text(:topics::json) as t (topic)
),
stored as (
  insert into rowcast.log_incoming (id, channel, consumer_group, {entry}, created_at)
  select r.id, r.channel, r.consumer_group, {r.entry}, r.created_at
  from revived r
  on conflict do nothing
)
select r.id, r.channel, w.notified
from revived r
cross join woken w
