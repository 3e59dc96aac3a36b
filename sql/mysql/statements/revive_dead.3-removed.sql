-- Deletes the revived events from the dead letters.
-- Params: revived (rows of the first step).
delete d
from json_table(:revived, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as r
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = r.id
  and d.consumer_group <> ''
