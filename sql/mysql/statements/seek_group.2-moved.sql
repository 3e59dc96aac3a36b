-- Moves what was found.
-- Params: idle (rows of the step before), consumer_group, position.
update json_table(:idle, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.channel'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
set k.position = :position,
    k.attempts = 0,
    k.lease_token = null,
    k.lease_expires_at = null,
    k.updated_at = utc_timestamp(6)
