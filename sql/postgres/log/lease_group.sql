-- Leases a group's checkpoints on some channels, those that nobody holds; a holder that let its lease end has died, or
-- stood still, at the event that comes next, which counts as an attempt at it, if that was there before the lease ended.
-- Params: channels (JSON array), consumer_group, lease_token, lease_ms, consumer.
-- The rows are locked in the order of their key, so that two who want the same never wait for each other.
with free as materialized (
  select k.channel
  from rowcast.checkpoint k
  where k.channel = any (array(select c.channel from json_array_elements_text(:channels::json) as c (channel)))
    and k.consumer_group = :consumer_group
    and (k.lease_expires_at is null or k.lease_expires_at <= statement_timestamp())
  order by k.channel
  for update
)
update rowcast.checkpoint k
set attempts = case
      when exists (
        select from rowcast.log l
        where l.channel = k.channel
          and l.position > k.position
          and l.consumer_group in ('', k.consumer_group)
          and l.created_at < coalesce(k.lease_expires_at, statement_timestamp())
      ) then k.attempts + (k.lease_token is not null)::integer
      else 0
    end,
    former_token = coalesce(k.lease_token, k.former_token),
    former_position = case when k.lease_token is null then k.former_position else k.position end,
    lease_token = :lease_token::uuid,
    lease_expires_at = statement_timestamp() + :lease_ms * interval '1 millisecond',
    consumer = :consumer,
    updated_at = statement_timestamp()
from free f
where k.channel = f.channel
  and k.consumer_group = :consumer_group
returning
  k.channel, k.position, k.attempts, trunc(extract(epoch from k.lease_expires_at) * 1000) as lease_expires_at_ms
