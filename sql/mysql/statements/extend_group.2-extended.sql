-- Writes the new end of the lease.
-- Params: held (rows of the step before), consumer_group, lease_token, lease_ms.
update json_table(:held, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
set k.lease_expires_at = greatest(
  k.lease_expires_at, date_add(utc_timestamp(6), interval least(:lease_ms * 1e3, 3.1536e16) microsecond)
)
