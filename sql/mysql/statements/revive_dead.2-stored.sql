-- Copies them into the log, where they wait for their position.
-- Params: revived (rows of the step before).
insert into rowcast_log_incoming (id, channel, consumer_group, payload, metadata, created_at)
select d.id, d.channel, d.consumer_group, d.payload, d.metadata, d.created_at
from json_table(:revived, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as r
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = r.id
  and d.consumer_group <> ''
on duplicate key update id = rowcast_log_incoming.id
