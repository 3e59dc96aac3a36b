-- step: claimed, when limit
-- Finds and locks the first events of a channel that nobody leases, passing over what others have locked; says what they
-- become by the next step, of which it saves the reading. An event whose attempts are used up is leased too, one attempt
-- over its maximum, for the claimer to set aside.
-- The order leaves out the channel, which is constant: with it MariaDB sorts, and what is sorted is locked whole.
-- Params: channel, lease_ms, limit.
select
  'claimed' as outcome, q.id, q.priority, q.payload, q.metadata, q.dedupe_key,
  least(q.attempts, q.max_attempts) + 1 as attempts, q.max_attempts,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', q.created_at) div 1000 as created_at_ms,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', q.available_at) div 1000 as available_at_ms,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 + least(:lease_ms, 3.1536e13)
    as lease_expires_at_ms,
  q.last_error
from rowcast_queue as q force index (primary)
where q.channel = :channel
  and (q.lease_expires_at is null or q.lease_expires_at <= utc_timestamp(6))
order by q.priority, q.id
limit :limit
for update skip locked

-- step: leased, unless claimed is empty
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
