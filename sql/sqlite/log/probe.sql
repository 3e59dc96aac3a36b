-- Whether the log has grown: the last position that was given. Asked often where no hints come from other objects, which is
-- in memory; sequence.sql follows where something has changed. Nothing waits for its position here.
select
  coalesce((select max(l.position) from rowcast_log as l), 0) as log_position,
  0 as waiting
