-- Which of these events are stored already, whatever became of them; an event may be named twice.
-- Params: ids (JSON array), keys (JSON array of {channel, priority, id}: their address in the queue).
-- A join for each table: `exists` may be turned into reading a whole table first.
select s.id
from json_table(:ids, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$'
)) as i
straight_join rowcast_scheduled as s force index (primary)
  on s.id = i.id
union all
select h.id
from json_table(:ids, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$'
)) as i
straight_join rowcast_history as h force index (primary)
  on h.id = i.id
union all
select d.id
from json_table(:ids, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$'
)) as i
straight_join rowcast_dead_letter as d force index (primary)
  on d.id = i.id
union all
select q.id
from json_table(:keys, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as k
straight_join rowcast_queue as q force index (primary)
  on q.channel = k.channel
  and q.priority = k.priority
  and q.id = k.id
