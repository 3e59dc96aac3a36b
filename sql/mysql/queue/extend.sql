-- Moves the end of leases on, of all channels at once; find_leased.sql tells which.
-- Params: deliveries (JSON array of {channel, priority, id, lease_token, lease_ms}).
-- One statement, which the server finishes whatever becomes of its client: a connection that goes silent keeps no row locked.
-- A row that another transaction has locked is passed over, so that a heartbeat waits for no lock.
-- A lease never gets shorter: the heartbeat must not undo a longer extension that a consumer asked for.
-- `force index`: by its statistics the table may look empty, and what an optimizer then reads as a whole it locks as a whole.
-- The limit, which nothing reaches, makes a table of what was found: MySQL refuses to update what it reads in the same breath.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
update (
  select q.channel, q.priority, q.id, r.lease_ms
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
  limit 1000000
  for update skip locked
) as free
straight_join rowcast_queue as q force index (primary)
  on q.channel = free.channel
  and q.priority = free.priority
  and q.id = free.id
set q.lease_expires_at = greatest(
  q.lease_expires_at, date_add(utc_timestamp(6), interval least(free.lease_ms * 1e3, 3.1536e16) microsecond)
)
