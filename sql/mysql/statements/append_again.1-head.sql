-- Stores events of one channel like append.sql, after an attempt whose answer was lost and of which find_appended.sql found
-- nothing. This step waits until nobody gives positions, and lets nobody, so that the step after sees each event where it
-- stays.
select h.position as last_position
from rowcast_log_head as h
for update
