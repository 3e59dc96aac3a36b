-- Stores events of one channel like append.sql, after an attempt whose answer was lost and of which find_appended.sql found
-- nothing. This step locks log_head, so that no sequencer runs, and the next step sees each event where it stays.
select h.position as last_position
from rowcast_log_head as h
for update
