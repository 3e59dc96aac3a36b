-- Moves the end of a group's lease on; find_group_lease.sql tells on which channels.
-- Params: channels (JSON array), consumer_group, lease_token, lease_ms.
-- One statement, and passes over what is locked, for the reasons that extend.sql gives.
update (
  select k.channel
  from (
    select * from json_table(:channels, '$[*]' columns (
      channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
    )) as listed
  ) as n
  straight_join rowcast_checkpoint as k force index (primary)
    on k.channel = n.channel
    and k.consumer_group = :consumer_group
    and k.lease_token = :lease_token
  limit 1000000
  for update skip locked
) as free
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = free.channel
  and k.consumer_group = :consumer_group
set k.lease_expires_at = greatest(
  k.lease_expires_at, date_add(utc_timestamp(6), interval least(:lease_ms * 1e3, 3.1536e16) microsecond)
)
