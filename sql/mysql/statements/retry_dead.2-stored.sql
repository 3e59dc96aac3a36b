-- Copies the dead letters into the queue.
-- Params: revived (rows of the step before).
insert into rowcast_queue (
  channel, priority, id, payload, metadata, attempts, max_attempts, created_at, available_at, last_error
)
select
  d.channel, d.priority, d.id, d.payload, d.metadata, 0, d.max_attempts, d.created_at, utc_timestamp(6), d.error
from json_table(:revived, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as r
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = r.id
  and d.consumer_group = ''
on duplicate key update id = rowcast_queue.id
