-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it: one round trip.
-- An event whose attempts are used up is leased too, one attempt over its maximum, for the claimer to set aside.
-- Params: channel, acks (JSON array of {priority, lease_token, ids}), keyed (JSON array of the ids that have a dedupe key),
-- keep_history, consumer, lease_token, lease_ms, limit, whole, ranges (JSON array of {from_priority, from_id,
-- to_priority, most}).
-- Returns a row whose `lost` are the ids of those that were not held after all, and rows of many claimed events each,
-- parted by commas: `facts` are six for each (id, priority, attempts, max_attempts, created_at and available_at in epoch
-- milliseconds), `payloads` come in the same order, and what is `rare` is an object by id, metadata in a list of one, so
-- that a JSON null is not taken for none. One long row costs both ends a fraction of many short ones, and each column costs
-- both as much as an event or two. An event of some size is a row by itself, so that no row outgrows what drivers hold.
-- The planner is kept on the key, in order. The bounds of priority and id hold for every row; without them it expects a
-- hundred or more to be settled, and may read the whole channel to hash it; the channel comes with each of them, since for one
-- that it takes for empty it would read the channel first. A limit that it sees may be most of what it believes
-- to be there, and it sorts the whole channel; of one that it does not see it expects a tenth, of every call alike, so
-- that it need not plan each of them (a tenth of what a claim of 500 takes).
-- The head is looked for in the whole channel, or else in some ranges of it, in claim order and without overlap, which
-- leave out index entries of events that are gone but that a long-running transaction elsewhere might still see. A
-- range ends with a priority, since comparing rows does not end a scan.
-- The claimed head is joined back by ctid, which is as safe as by key (both happen in one snapshot, on locked rows) and
-- cheaper. Times leave as integers: as numerics they cost more than the claim itself.
with settled as materialized (
  select :channel::text as channel, h.priority, e.id::uuid as id, h.lease_token
  from json_to_recordset(:acks::json) as h (priority smallint, lease_token uuid, ids json)
  cross join lateral json_array_elements_text(h.ids) as e (id)
  where h.priority between -32768 and 32767
    and e.id::uuid between '00000000-0000-0000-0000-000000000000' and 'ffffffff-ffff-ffff-ffff-ffffffffffff'
),
acked as (
  delete from rowcast.queue q
  using settled s
  where q.channel = s.channel
    and q.priority = s.priority
    and q.id = s.id
    and q.lease_token = s.lease_token
  returning
    q.channel, q.priority, q.id, {q.content}, q.dedupe_key, q.attempts, q.created_at, q.lease_token
),
kept as (
  insert into rowcast.history (
    id, channel, priority, {content}, attempts, outcome, consumer, lease_token, created_at, settled_at
  )
  select
    a.id, a.channel, a.priority, {a.content}, a.attempts, 'acked', :consumer, a.lease_token, a.created_at,
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
    and json_array_length(:keyed::json) > 0
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
  from json_to_recordset(:ranges::json) as s (from_priority smallint, from_id uuid, to_priority smallint, most integer)
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
  limit (select :limit::bigint)
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
  (
    select string_agg(s.id::text, ',')
    from settled s
    where (select count(*) from acked) < (select count(*) from settled)
      and not exists (select from acked a where a.id = s.id)
  ) as lost,
  null as facts, null as payloads, null as rare, null as lease_expires_at_ms
union all
select
  null,
  string_agg(
    concat_ws(
      ',', c.id, c.priority, c.attempts, c.max_attempts, trunc(date_part('epoch', c.created_at) * 1000)::bigint,
      trunc(date_part('epoch', c.available_at) * 1000)::bigint
    ),
    ','
  ),
  string_agg(c.text, ','),
  (
    json_object_agg(
      c.id,
      json_build_object(
        'metadata', case when c.metadata is not null then json_build_array(c.metadata) end,
        'dedupe_key', c.dedupe_key, 'last_error', c.last_error
      )
    ) filter (where coalesce(c.metadata::text, c.dedupe_key, c.last_error) is not null)
  )::text,
  trunc(date_part('epoch', max(c.lease_expires_at)) * 1000)::bigint::text
from (select *, claimed.payload::text as text from claimed) c
group by case when octet_length(c.text) + coalesce(octet_length(c.metadata::text), 0) > 10000 then c.id end
