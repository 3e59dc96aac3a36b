-- Moves the head of the log on.
-- Params: batch (rows of the second step).
update rowcast_log_head as h
set h.position = h.position + (
  select count(*)
  from json_table(:batch, '$[*]' columns (is_fresh integer path '$.is_fresh')) as b
  where b.is_fresh = 1
)
