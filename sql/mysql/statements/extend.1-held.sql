-- Moves the end of leases on, of all channels at once; returns the ids whose lease was extended, with the new end. This step
-- finds and locks them and says the new end, which the next one writes.
-- Params: deliveries (JSON array of {channel, priority, id, lease_token, lease_ms}).
-- A row that another transaction has locked is passed over, so that a heartbeat waits for nobody: find_leased.sql tells such
-- a row from one that is held no more.
-- A lease never gets shorter: the heartbeat must not undo a longer extension that a consumer asked for.
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select
  q.channel, q.priority, q.id,
  timestampdiff(
    microsecond,
    timestamp '1970-01-01 00:00:00',
    greatest(
      q.lease_expires_at,
      date_add(utc_timestamp(6), interval least(r.lease_ms * 1e3, 3.1536e16) microsecond)
    )
  ) div 1000 as lease_expires_at_ms
from (
  select * from json_table(:deliveries, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
    priority smallint path '$.priority',
    id char(36) character set ascii collate ascii_bin path '$.id',
    lease_token char(36) character set ascii collate ascii_bin path '$.lease_token',
    lease_ms double path '$.lease_ms'
  )) as listed
) as r
straight_join rowcast_queue as q force index (primary)
  on q.channel = r.channel
  and q.priority = r.priority
  and q.id = r.id
  and q.lease_token = r.lease_token
for update skip locked
