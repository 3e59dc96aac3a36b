-- Leases what was claimed, from now on: no shorter than the step before has said. A lease is a thousand years at most,
-- since the calendar here ends with the year 9999 and a time past it would be null: no lease.
-- An insert that always meets its row, which the step before has locked: it updates in place, where an update with a
-- join goes through a temporary table and takes twice as long.
-- Params: channel, claimed (rows of the step before), lease_token, lease_ms.
insert into rowcast_queue (channel, priority, id, payload, attempts, max_attempts, created_at, available_at)
select :channel, c.priority, c.id, '', 0, 0, utc_timestamp(6), utc_timestamp(6)
from json_table(:claimed, '$[*]' columns (
  priority smallint path '$[0]',
  id char(36) character set ascii collate ascii_bin path '$[1]'
)) as c
on duplicate key update
  attempts = least(rowcast_queue.attempts, rowcast_queue.max_attempts) + 1,
  lease_token = :lease_token,
  lease_expires_at = date_add(utc_timestamp(6), interval least(:lease_ms * 1e3, 3.1536e16) microsecond)
