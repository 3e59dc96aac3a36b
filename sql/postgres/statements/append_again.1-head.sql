-- Stores events of one channel like append.sql, after an attempt whose answer was lost and of which find_appended.sql found
-- nothing. This step locks log_head, so that no sequencer runs: the lost attempt may still be giving positions, and the next step
-- must see what it did.
select h.position as last_position
from rowcast.log_head h
where h.id = 1
for update
