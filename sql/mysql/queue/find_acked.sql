-- Which of these deliveries history says were acked under their lease: asked after a connection broke in the middle of
-- an answer.
-- Params: settled (JSON array of {id, lease_token}).
select h.id
from json_table(:settled, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.id',
  lease_token char(36) character set ascii collate ascii_bin path '$.lease_token'
)) as s
straight_join rowcast_history as h force index (primary)
  on h.id = s.id
  and h.lease_token = s.lease_token
