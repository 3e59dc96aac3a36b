-- returns: held

-- step: held
-- Gives up the lease of a group's checkpoints; returns the channels whose lease was held. This step finds and locks them.
-- Params: channels (JSON array), consumer_group, lease_token.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select k.channel
from (
  select * from json_table(:channels, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
  )) as listed
) as c
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = c.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
order by k.channel
for update

-- step: given_up, unless held is empty
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
