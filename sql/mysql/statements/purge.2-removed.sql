-- Deletes the old events.
-- Params: old (rows of the step before).
delete h
from json_table(:old, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as o
straight_join rowcast_history as h force index (primary)
  on h.id = o.id
