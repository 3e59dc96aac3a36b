-- Which of these deliveries history says were acked under their lease: asked after a connection broke in the middle of
-- an answer.
-- Params: settled (JSON array of {id, lease_token}).
-- The bounds hold for every row. They are for the planner, which otherwise expects a hundred rows and reads a whole table
-- to hash it; expecting one, it looks each up by its key.
with settled as materialized (
  select s.id, s.lease_token
  from json_to_recordset(:settled::json) as s (id uuid, lease_token uuid)
  where s.id between '00000000-0000-0000-0000-000000000000' and 'ffffffff-ffff-ffff-ffff-ffffffffffff'
)
select h.id
from settled s
join rowcast.history h on h.id = s.id and h.lease_token = s.lease_token
