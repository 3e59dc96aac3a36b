-- Moves scheduled events of some channels that are due into the queue, the longest due first; returns their channels.
-- Params: channels (JSON array), limit.
with due as materialized (
  select s.ctid
  from json_array_elements_text(:channels::json) as c (channel)
  cross join lateral (
    select t.ctid
    from rowcast.scheduled t
    where t.channel = c.channel
      and t.available_at <= statement_timestamp()
    order by t.available_at
    limit :limit
    for update skip locked
  ) s
),
moved as (
  delete from rowcast.scheduled s
  where s.ctid = any (array(select d.ctid from due d))
  returning
    s.id, s.channel, s.priority, {s.content}, s.dedupe_key, s.attempts, s.max_attempts, s.created_at,
    s.available_at, s.last_error
)
insert into rowcast.queue (
  channel, priority, id, {content}, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  m.channel, m.priority, m.id, {m.content}, m.dedupe_key, m.attempts, m.max_attempts, m.created_at,
  m.available_at, m.last_error
from moved m
on conflict do nothing
returning channel
