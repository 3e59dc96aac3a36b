-- Leases the head. An event whose attempts are used up is leased too, one attempt over its maximum, for the claimer to
-- set aside. A lease is a thousand years at most, since the calendar here ends with the year 9999 and a time past it
-- would be null: no lease.
-- An insert that always meets its row, which the step before has locked: it updates in place, where an update with a
-- join goes through a temporary table and takes twice as long.
-- Params: channel, head (rows of the step before), lease_token, lease_ms.
insert into rowcast_queue (channel, priority, id, payload, attempts, max_attempts, created_at, available_at)
select :channel, h.priority, h.id, '', 0, 0, utc_timestamp(6), utc_timestamp(6)
from json_table(:head, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as h
on duplicate key update
  attempts = least(rowcast_queue.attempts, rowcast_queue.max_attempts) + 1,
  lease_token = :lease_token,
  lease_expires_at = date_add(utc_timestamp(6), interval least(:lease_ms * 1e3, 3.1536e16) microsecond)
