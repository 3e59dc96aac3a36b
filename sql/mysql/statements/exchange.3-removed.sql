-- Deletes the acked events.
-- Params: channel, acked (rows of the first step).
delete q
from json_table(:acked, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as a
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = a.priority
  and q.id = a.id
