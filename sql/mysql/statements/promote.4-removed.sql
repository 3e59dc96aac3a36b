-- Deletes from scheduled what is in the queue now.
-- Params: due (rows of the second step).
delete s
from json_table(:due, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as d
straight_join rowcast_scheduled as s force index (primary)
  on s.id = d.id
