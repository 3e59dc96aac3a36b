-- Copies what is due into the queue.
-- Params: due (rows of the step before).
insert into rowcast_queue (
  channel, priority, id, payload, metadata, dedupe_key, attempts, max_attempts, created_at, available_at, last_error
)
select
  s.channel, s.priority, s.id, s.payload, s.metadata, s.dedupe_key, s.attempts, s.max_attempts, s.created_at,
  s.available_at, s.last_error
from json_table(:due, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as d
straight_join rowcast_scheduled as s force index (primary)
  on s.id = d.id
on duplicate key update id = rowcast_queue.id
