-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it: one round trip.
-- An event whose attempts are used up is leased too, one attempt over its maximum, for the claimer to set aside.
-- Params: channel, settled (JSON array of {priority, id, lease_token}), keyed (JSON array of ids of those that have a
-- dedupe key), keep_history, consumer, lease_token, lease_ms, limit, stretches (JSON array of {from_priority, from_id,
-- to_priority}: the parts of the channel to claim from, both ends included, in claim order, without overlap).
-- A row is either `acked` (id alone) or `claimed`. The claimed head is joined back by ctid, which is as safe as by key
-- (both happen in one snapshot, on locked rows) and cheaper.
-- A part starts where the one before ends, so that a claim need not walk over the index entries of events that are gone
-- but that a long-running transaction elsewhere might still see; a row comparison is only used to start at, since it does
-- not end a scan.
-- `settled` is materialized with the channel in it, and its filter, which all pass, makes the planner expect few rows:
-- else, where statistics are old, it reads the whole channel to find them.
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
  using json_array_elements_text(:keyed::json) as k (id), acked a
  where a.id = k.id::uuid
    and d.channel = a.channel
    and d.dedupe_key = a.dedupe_key
    and d.id = a.id
),
head as materialized (
  select q.ctid
  from json_to_recordset(:stretches::json) as s (from_priority smallint, from_id uuid, to_priority smallint)
  cross join lateral (
    select t.ctid
    from rowcast.queue t
    where t.channel = :channel
      and (t.priority, t.id) >= (s.from_priority, s.from_id)
      and t.priority <= s.to_priority
      and (t.lease_expires_at is null or t.lease_expires_at <= statement_timestamp())
    order by t.channel, t.priority, t.id
    limit :limit
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
  'acked' as outcome, a.id, null::smallint as priority, null::text as payload, null::text as metadata,
  null::text as dedupe_key, null::integer as attempts, null::integer as max_attempts, null::numeric as created_at_ms,
  null::numeric as available_at_ms, null::numeric as lease_expires_at_ms, null::text as last_error
from acked a
union all
select
  'claimed', c.id, c.priority, c.payload::text, c.metadata::text, c.dedupe_key, c.attempts, c.max_attempts,
  extract(epoch from c.created_at) * 1000, extract(epoch from c.available_at) * 1000,
  extract(epoch from c.lease_expires_at) * 1000, c.last_error
from claimed c
