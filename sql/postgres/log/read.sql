-- The next events of one channel, in the order of their positions.
-- Params: channel, consumer_group (empty for none), after (the last position that was read), until (the last that may be read now), limit.
-- Returns rows of many events each, as ack_and_claim.sql does: lists in one order, parted by commas, and metadata by id, as text. Payloads
-- are parted by a character that no JSON text holds, since each of an object's subscribers reads them for itself. An event of
-- some size is a row by itself, so that no row outgrows what a driver can hold.
-- The planner is kept on the key, in order, also where it knows nothing of a table that has grown fast: of what it takes
-- for a range, and of a list of values, it expects so few that it would fetch and sort all that is to come, for each batch.
with next as (
  select l.position, l.id, l.payload::text as payload, l.metadata, l.created_at
  from rowcast.log l
  where l.channel = :channel
    and l.position > :after
    and l.position + 0 <= :until
    and case when l.consumer_group in ('', :consumer_group) then true else false end
  order by l.position
  limit (select :limit::bigint)
)
select
  string_agg(n.position::text, ',') as positions, string_agg(n.id::text, ',') as ids,
  string_agg(n.payload, chr(30)) as payloads,
  (json_object_agg(n.id, n.metadata::text) filter (where n.metadata is not null))::text as metadata,
  string_agg(trunc(date_part('epoch', n.created_at) * 1000)::bigint::text, ',') as created_at_ms
from next n
group by case when octet_length(n.payload) + coalesce(octet_length(n.metadata::text), 0) > 10000 then n.position end
