-- Gives the next positions to events that have been committed, and says how far some channels reach now.
-- Params: channels (JSON array), from_id (the first id to look at), limit, most_bytes (of events to return along).
-- One at a time: whoever holds the row of log_head (append.sql does, too). Others pass by and look again, unless nothing is
-- waiting. Under READ COMMITTED a lock that was just missed shows the newest position, while the rest of the statement sees
-- the log as it was before, and a reader would pass over what it was not shown. No positions are given then; what is
-- returned is of that moment before, and more is waiting.
-- The row of log_head is named by its key, here and below, so that the planner knows it to be one: else the statement
-- looks dear enough to be compiled, which takes longer than to run it.
-- A limit that the planner does not see keeps it on the key, in order: of one that it sees it may expect to be most of what
-- is there, and sort everything that waits, for each batch.
-- Returns for each channel its last position, the last of all, whether more may be waiting and the last id it met; and,
-- since whoever gives positions is about to read, what it gave positions to in these channels, in lists as read.sql
-- has them, that is everything after shown_from up to shown_to, as far as it is not too much, since the lock is held until the answer
-- has been sent. What is stored apart or compressed counts as too much, and is not unpacked to find out.
with first as materialized (
  select i.id
  from rowcast.log_incoming i
  where i.id >= :from_id::uuid
  order by i.id
  limit 1
),
sequencer as materialized (
  select h.position
  from rowcast.log_head h
  where h.id = 1
    and exists (select from first)
  for update skip locked
),
batch as materialized (
  select i.ctid, i.id
  from rowcast.log_incoming i
  where exists (select from sequencer s join rowcast.log_head h on h.id = 1 and h.position = s.position)
    and i.id >= (select f.id from first f)
  order by i.id, i.consumer_group
  limit (select :limit::bigint)
),
arrived as (
  delete from rowcast.log_incoming i
  where i.ctid = any (array(select b.ctid from batch b))
  returning i.id, i.channel, i.consumer_group, {i.entry}, i.created_at
),
fresh as materialized (
  select
    a.id, a.channel, a.consumer_group, {a.entry}, a.created_at,
    s.position + row_number() over (order by a.id, a.consumer_group) as position,
    sum(
      case
        when pg_column_size(a.payload) + coalesce(pg_column_size(a.metadata), 0) > 2000 then 1000000000
        else octet_length(a.payload::text) + coalesce(octet_length(a.metadata::text), 0) + 64
      end
    ) over (order by a.id, a.consumer_group rows unbounded preceding) as bytes
  from arrived a
  cross join sequencer s
),
numbered as (
  insert into rowcast.log (channel, consumer_group, position, id, {entry}, created_at)
  select f.channel, f.consumer_group, f.position, f.id, {f.entry}, f.created_at
  from fresh f
  order by f.channel, f.position
),
advanced as (
  update rowcast.log_head h
  set position = h.position + n.count
  from (select count(*) as count from fresh) as n
  where h.id = 1
    and n.count > 0
  returning h.position
),
shown as materialized (
  select s.position as shown_from, max(f.position) as shown_to
  from sequencer s
  join fresh f on f.bytes <= :most_bytes
  group by s.position
)
select
  c.channel,
  greatest(v.head, (select max(f.position) from fresh f where f.channel = c.channel)) as position,
  coalesce((select a.position from advanced a), v.log_position) as log_position,
  v.is_stale
    or (select count(*) from batch) = :limit::bigint
    or (not exists (select from sequencer) and exists (select from first)) as waiting,
  extract(epoch from clock_timestamp()) * 1000 as now_ms,
  (select b.id from batch b order by b.id desc limit 1) as reached,
  (select w.shown_from from shown w) as shown_from,
  (select w.shown_to from shown w) as shown_to,
  null as consumer_group, null as positions, null as ids, null as payloads, null as metadata, null as created_at_ms
from json_array_elements_text(:channels::json) as c (channel)
cross join lateral (
  select
    h.position as log_position,
    (select max(l.position) from rowcast.log l where l.channel = c.channel) as head,
    exists (select from sequencer s where s.position <> h.position) as is_stale
  from rowcast.log_head h
  where h.id = 1
) as v
union all
select
  f.channel, null, null, null, null, null, null, null,
  f.consumer_group, string_agg(f.position::text, ','), string_agg(f.id::text, ','),
  string_agg(f.payload::text, chr(30)),
  (json_object_agg(f.id, f.metadata::text) filter (where f.metadata is not null))::text,
  string_agg(trunc(date_part('epoch', f.created_at) * 1000)::bigint::text, ',')
from fresh f
join shown w on f.position <= w.shown_to
where f.channel in (select c.channel from json_array_elements_text(:channels::json) as c (channel))
group by f.channel, f.consumer_group
