-- Moves the end of a group's lease on; returns the channels on which it was extended, with the new end. This step finds and
-- locks them.
-- Params: channels (JSON array), consumer_group, lease_token, lease_ms.
-- A row that another transaction has locked is passed over, so that a heartbeat waits for nobody: find_group_lease.sql tells
-- such a row from one that is held no more.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select
  k.channel,
  greatest(
    timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', k.lease_expires_at) div 1000,
    timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 + :lease_ms
  ) as lease_expires_at_ms
from (
  select * from json_table(:channels, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
  )) as listed
) as n
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = n.channel
  and k.consumer_group = :consumer_group
  and k.lease_token = :lease_token
for update skip locked
