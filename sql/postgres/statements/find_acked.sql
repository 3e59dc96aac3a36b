-- Which of these deliveries history says were acked under their lease: asked after a connection broke in the middle of
-- an answer.
-- Params: settled (JSON array of {id, lease_token}).
select h.id
from json_to_recordset(:settled::json) as s (id uuid, lease_token uuid)
join rowcast.history h on h.id = s.id and h.lease_token = s.lease_token
