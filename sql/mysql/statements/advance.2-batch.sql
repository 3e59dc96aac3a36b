-- Finds what is waiting and committed. Reads without locks, at READ COMMITTED: nobody else moves these rows.
-- Returns their ids, the last of which says how far it has reached.
-- Params: sequencer (row of the step before), from_id, limit.
select i.id as reached, i.consumer_group
from rowcast_log_incoming as i
where json_length(:sequencer) > 0
  and i.id >= :from_id
order by i.id, i.consumer_group
limit :limit
