-- Whether the log has grown or is about to: the last position that was given, and whether an event waits for its own. Asked
-- often where no hints come from other processes; sequence.sql follows where something has changed.
-- Params: from_id (the first id to look at).
select
  h.position as log_position,
  exists (select 1 from rowcast_log_incoming as i where i.id >= :from_id) as waiting
from rowcast_log_head as h
where h.id = 1
