-- Stores one event that is due now.
-- Params: channel, priority, id, payload (JSON text), metadata (JSON text), max_attempts.
insert into rowcast_queue (
  channel, priority, id, payload, metadata, attempts, max_attempts, created_at, available_at
)
values (
  :channel, :priority, :id, :payload, :metadata, 0, :max_attempts, cast(unixepoch('subsec') * 1000 as integer),
  cast(unixepoch('subsec') * 1000 as integer)
)
