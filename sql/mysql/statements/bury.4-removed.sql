-- Deletes the held deliveries from the queue.
-- Params: channel, held (rows of the first step).
delete q
from json_table(:held, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as h
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = h.priority
  and q.id = h.id
