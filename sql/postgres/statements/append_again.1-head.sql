-- Stores events of one channel like append.sql, after an attempt whose answer was lost and of which find_appended.sql found
-- nothing. This step waits until nobody gives positions, and lets nobody: that attempt may be at it, and what it did is to be
-- seen by the step after.
select h.position as last_position
from rowcast.log_head h
where h.id = 1
for update
