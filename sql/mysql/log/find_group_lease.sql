-- On which channels a member still has the lease of its group, when that ends, and in how long. Waits for no lock.
-- Params: channels (JSON array), consumer_group, lease_token.
select
  k.channel,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', k.lease_expires_at) div 1000 as lease_expires_at_ms,
  timestampdiff(microsecond, utc_timestamp(6), k.lease_expires_at) div 1000 as left_ms
from json_table(:channels, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
