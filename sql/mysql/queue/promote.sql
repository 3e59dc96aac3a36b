-- returns: ripe, due

-- step: ripe
-- Moves scheduled events that are due into the queue, the longest due first; returns their channels. This step picks the
-- one channel whose first event has been due longest; the others come with the next calls. Its row has no `channel`, since
-- nothing has moved yet; it is part of the answer, since the caller is to look again where others are promoting there.
-- One channel a call, where Postgres takes `limit` of each: without lateral joins, which MariaDB lacks, only a constant
-- channel lets the next step read, and lock, no more of the index than what is due.
-- The channel is in the order, too: without it MySQL reads the whole channel and sorts it.
-- Params: channels (JSON array).
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
select r.channel as ripe_channel
from (
  select
    c.channel,
    (
      select s.available_at
      from rowcast_scheduled as s force index (rowcast_scheduled_due)
      where s.channel = c.channel
      order by s.channel, s.available_at
      limit 1
    ) as due_at
  from json_table(:channels, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
  )) as c
) as r
where r.due_at <= utc_timestamp(6)
order by r.due_at
limit 1

-- step: due, unless ripe is empty
-- Finds and locks what is due in that channel, passing over what others are promoting.
-- Params: ripe (the row of the step before), limit.
select s.channel, s.id
from rowcast_scheduled as s force index (rowcast_scheduled_due)
where s.channel = json_unquote(json_extract(:ripe, '$[0].ripe_channel'))
  and s.available_at <= utc_timestamp(6)
order by s.available_at
limit :limit
for update skip locked

-- step: stored, unless due is empty
-- Copies what is due into the queue.
-- Params: due (rows of the step before).
insert into rowcast_queue (
  channel, priority, id, {content}, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  s.channel, s.priority, s.id, {s.content}, s.dedupe_key, s.attempts, s.max_attempts, s.created_at,
  s.available_at, s.last_error
from json_table(:due, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as d
straight_join rowcast_scheduled as s force index (primary)
  on s.id = d.id
on duplicate key update id = rowcast_queue.id

-- step: removed, unless due is empty
-- Deletes from scheduled what is in the queue now.
-- Params: due (rows of the second step).
delete s
from json_table(:due, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as d
straight_join rowcast_scheduled as s force index (primary)
  on s.id = d.id
