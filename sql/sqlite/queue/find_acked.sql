-- Which of these deliveries history says were acked under their lease: asked after a connection broke in the middle of
-- an answer.
-- Params: settled (JSON array of {id, lease_token}).
select h.id
from json_each(:settled) as s
cross join rowcast_history as h
  on h.id = s.value ->> 'id'
  and h.lease_token = s.value ->> 'lease_token'
