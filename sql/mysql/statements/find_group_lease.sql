-- On which channels a member still has the lease of its group: asked when extend_group passed some over. Waits for nobody.
-- Params: channels (JSON array), consumer_group, lease_token.
select k.channel
from json_table(:channels, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
)) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
