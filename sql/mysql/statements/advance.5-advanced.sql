-- Moves the head of the log on.
-- Params: batch (rows of the second step).
update rowcast_log_head as h
set h.position = h.position + json_length(:batch)
