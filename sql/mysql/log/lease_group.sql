-- returns: free

-- step: free
-- Leases a group's checkpoints on some channels, those that nobody holds; a holder that let its lease end has died, or
-- stood still, at the event that comes next, which counts as an attempt at it, if that was there before the lease ended.
-- This step finds and locks them, in the order of their key, so that two who want the same never wait for each other.
-- Params: channels (JSON array), consumer_group, lease_ms.
-- Where neither a holder died nor an attempt is remembered, the log is not read: without lateral joins it is read from its
-- tail to the checkpoint.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select
  k.channel, k.position,
  if(
    (k.lease_token is not null or k.attempts > 0)
    and exists (
      select 1 from rowcast_log as l
      where l.channel = k.channel
        and l.position > k.position
        and l.consumer_group in ('', k.consumer_group)
        and l.created_at < coalesce(k.lease_expires_at, utc_timestamp(6))
    ),
    k.attempts + (k.lease_token is not null),
    0
  ) as attempts,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 + :lease_ms as lease_expires_at_ms
from (
  select * from json_table(:channels, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
  )) as listed
) as c
straight_join rowcast_checkpoint as k force index (primary)
  on k.channel = c.channel
  and k.consumer_group = :consumer_group
  and (k.lease_expires_at is null or k.lease_expires_at <= utc_timestamp(6))
order by k.channel
for update

-- step: led, unless free is empty
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
