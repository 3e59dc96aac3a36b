-- Leases what was found.
-- Params: free (rows of the step before), consumer_group, lease_token, lease_ms, consumer.
update json_table(:free, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel',
  attempts integer path '$.attempts'
)) as f
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = f.channel
  and k.consumer_group = :consumer_group
set k.attempts = f.attempts,
    k.former_position = case when k.lease_token is null then k.former_position else k.position end,
    k.former_token = coalesce(k.lease_token, k.former_token),
    k.lease_token = :lease_token,
    k.lease_expires_at = date_add(utc_timestamp(6), interval least(:lease_ms * 1e3, 3.1536e16) microsecond),
    k.consumer = :consumer,
    k.updated_at = utc_timestamp(6)
