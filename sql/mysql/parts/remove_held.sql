-- Deletes the held events, in the order of the list.
-- Params: channel, held (rows of the first step, or what was settled).
delete q
from json_table(:held, '$[*]' columns (
  priority smallint path '$[0]',
  id char(36) character set ascii collate ascii_bin path '$[1]',
  lease_token char(36) character set ascii collate ascii_bin path '$[2]'
)) as h
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = h.priority
  and q.id = h.id
  and q.lease_token = h.lease_token
