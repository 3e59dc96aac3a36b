-- Deletes the discarded events.
-- Params: discarded (rows of the first step), of_groups (a log's, or a queue's).
delete d
from json_table(:discarded, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as g
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = g.id
  and (d.consumer_group <> '') = :of_groups
