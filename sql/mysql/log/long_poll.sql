-- Waits, at the server, until the log has grown or is about to: returns a row then, and none when all naps are over. Sees what
-- is not committed yet, as that of the queue does: probe.sql says what is there.
-- Params: from_id (the first id to look at), log_position (the last that is known), naps (JSON array of seconds: how long to
-- sleep between two reads).
select 1 as found
from json_table(:naps, '$[*]' columns (number for ordinality, seconds double path '$')) as n
where if(
  (
    select
      h.position <> :log_position
      or exists (select 1 from rowcast_log_incoming as i where i.id >= :from_id and n.number > 0)
    from rowcast_log_head as h
    where h.id = if(n.number > 0, 1, 0)
  ),
  1,
  sleep(n.seconds)
)
limit 1
