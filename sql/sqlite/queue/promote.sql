-- returns: stored

-- step: stored
-- Moves scheduled events of some channels that are due into the queue, the longest due first; returns their channels.
-- This step copies them; the update that changes nothing makes a row that is there already one that is returned, and so
-- one that the next step removes.
-- Params: channels (JSON array), limit.
insert into rowcast_queue (
  channel, priority, id, {content}, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  s.channel, s.priority, s.id, {s.content}, s.dedupe_key, s.attempts, s.max_attempts, s.created_at,
  s.available_at, s.last_error
from json_each(:channels) as c
cross join rowcast_scheduled as s
  on s.id in (
    select t.id
    from rowcast_scheduled as t
    where t.channel = c.value
      and t.available_at <= cast(unixepoch('subsec') * 1000 as integer)
    order by t.available_at
    limit :limit
  )
where true
on conflict (channel, priority, id) do update
set id = rowcast_queue.id
returning channel, id

-- step: removed, unless stored is empty
-- Deletes from scheduled what the step before moved, whatever the time is by now.
-- Params: stored (rows of the step before).
delete from rowcast_scheduled
where id in (select m.value ->> 'id' from json_each(:stored) as m)
