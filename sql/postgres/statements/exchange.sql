-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it: one round trip.
-- An event whose attempts are used up is leased too, one attempt over its maximum, for the claimer to set aside.
-- Params: channel, settled (JSON array of {priority, id, lease_token}), keep_history, consumer, lease_token, lease_ms,
-- limit, whole, stretches (JSON array of {from_priority, from_id, to_priority, most}).
-- The first row is `acked`, with all ids that were, parted by commas (one long row travels faster than many short ones);
-- the others are `claimed`.
-- The planner is kept on the key, in order. The bounds of the priority hold for every row; without them it expects a
-- hundred to be settled, and may read the whole channel to hash it; the channel comes with each of them, since for one
-- that it takes for empty it would read the channel first. A limit that it sees may be most of what it believes
-- to be there, and it sorts the whole channel; of one that it does not see it expects a tenth.
-- The head is looked for in the whole channel, or else in some stretches of it, in claim order and without overlap, which
-- leave out index entries of events that are gone but that a long-running transaction elsewhere might still see. A
-- stretch ends with a priority, since comparing rows does not end a scan.
-- The claimed head is joined back by ctid, which is as safe as by key (both happen in one snapshot, on locked rows) and
-- cheaper. Times leave as doubles: as numerics they cost more than the claim itself.
with settled as materialized (
  select :channel::text as channel, s.priority, s.id, s.lease_token
  from json_to_recordset(:settled::json) as s (priority smallint, id uuid, lease_token uuid)
  where s.priority between -32768 and 32767
),
acked as (
  delete from rowcast.queue q
  using settled s
  where q.channel = s.channel
    and q.priority = s.priority
    and q.id = s.id
    and q.lease_token = s.lease_token
  returning
    q.channel, q.priority, q.id, q.payload, q.metadata, q.dedupe_key, q.attempts, q.created_at, q.lease_token
),
kept as (
  insert into rowcast.history (
    id, channel, priority, payload, metadata, attempts, outcome, consumer, lease_token, created_at, settled_at
  )
  select
    a.id, a.channel, a.priority, a.payload, a.metadata, a.attempts, 'acked', :consumer, a.lease_token, a.created_at,
    statement_timestamp()
  from acked a
  where :keep_history::boolean
  on conflict do nothing
),
freed as (
  delete from rowcast.dedupe d
  using acked a
  where d.channel = :channel
    and d.dedupe_key = a.dedupe_key
    and d.id = a.id
),
head as materialized (
  select q.ctid
  from (
    select t.ctid
    from rowcast.queue t
    where t.channel = :channel
      and :whole::boolean
      and (t.lease_expires_at is null or t.lease_expires_at <= statement_timestamp())
    order by t.channel, t.priority, t.id
    limit (select :limit::bigint)
    for update skip locked
  ) q
  union all
  select q.ctid
  from json_to_recordset(:stretches::json) as s (from_priority smallint, from_id uuid, to_priority smallint, most integer)
  cross join lateral (
    select t.ctid
    from rowcast.queue t
    where t.channel = :channel
      and (t.priority, t.id) >= (s.from_priority, s.from_id)
      and t.priority <= s.to_priority
      and (t.lease_expires_at is null or t.lease_expires_at <= statement_timestamp())
    order by t.channel, t.priority, t.id
    limit s.most
    for update skip locked
  ) q
  limit :limit
),
claimed as (
  update rowcast.queue q
  set attempts = least(q.attempts, q.max_attempts) + 1,
      lease_token = :lease_token::uuid,
      lease_expires_at = statement_timestamp() + :lease_ms * interval '1 millisecond'
  where q.ctid = any (array(select h.ctid from head h))
  returning
    q.id, q.priority, q.payload, q.metadata, q.dedupe_key, q.attempts, q.max_attempts, q.created_at, q.available_at,
    q.lease_expires_at, q.last_error
)
select
  'acked' as outcome, string_agg(a.id::text, ',') as id, null::smallint as priority, null::json as payload,
  null::json as metadata, null::text as dedupe_key, null::integer as attempts, null::integer as max_attempts,
  null::float8 as created_at_ms, null::float8 as available_at_ms, null::float8 as lease_expires_at_ms,
  null::text as last_error
from acked a
union all
select
  'claimed', c.id::text, c.priority, c.payload, c.metadata, c.dedupe_key, c.attempts, c.max_attempts,
  date_part('epoch', c.created_at) * 1000, date_part('epoch', c.available_at) * 1000,
  date_part('epoch', c.lease_expires_at) * 1000, c.last_error
from claimed c
