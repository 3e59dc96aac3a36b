-- Whether the log has grown or is about to: the last position that was given, and whether an event waits for its own. Asked
-- often where no hints come from other processes; sequence.sql follows where something has changed.
-- Params: from_id (the first id to look at).
-- No `exists`: of that the planner may read the table, with every event that was there and is gone.
select
  h.position as log_position,
  (select i.id from rowcast.log_incoming i where i.id >= :from_id::uuid order by i.id limit 1) is not null as waiting
from rowcast.log_head h
where h.id = 1
