-- Gives up what is held.
-- Params: held (rows of the step before), consumer_group, lease_token.
update json_table(:held, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
set k.lease_token = null,
    k.lease_expires_at = null,
    k.consumer = null,
    k.updated_at = utc_timestamp(6)
