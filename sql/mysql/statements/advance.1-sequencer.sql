-- Gives the next positions to events that have been committed, and says how far some channels reach now. One at a time:
-- whoever holds the row of log_head, which this step locks if anything is waiting. Others pass by and look again.
-- Steps where Postgres has one statement: neither MySQL nor MariaDB can return what a delete has met.
-- Returns the last position so far, where it has the lock.
-- Params: from_id (the first id to look at).
select h.position as last_position
from rowcast_log_head as h
where exists (select 1 from rowcast_log_incoming as i where i.id >= :from_id)
for update skip locked
