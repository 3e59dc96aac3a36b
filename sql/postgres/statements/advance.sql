-- Gives the next positions to events that have been committed, and says how far some channels reach now.
-- Params: channels (JSON array), limit, most_bytes (of payload and metadata to return along).
-- One at a time: whoever holds the row of log_head. Others pass by and look again, unless nothing is waiting. Under READ
-- COMMITTED a lock that was just missed shows the newest position, and a row that another has moved in the meantime is
-- not deleted twice; but the rest of the statement then sees the log as it was before. What is returned must be true of
-- one moment, or a reader passes over what it was not shown: it is then all of that moment before, and more is waiting.
-- An event whose publish was repeated may be in the log already: looked up among the last million positions.
-- The row of log_head is named by its key, here and below, so that the planner knows it to be one: else the statement
-- looks dear enough to be compiled, which takes longer than to run it.
-- The bounds of the id hold for every row: without statistics the planner expects few of a range, and reads them by the
-- key; of all it would read, and sort, everything that waits, for each batch.
-- Returns for each channel its last position, the last of all, and whether more may be waiting; and, since whoever gives
-- positions is about to read, what it gave positions to in these channels: everything after shown_from up to shown_to, as
-- far as it is not too much. What is stored apart or compressed counts as too much, and is not unpacked to find out.
with sequencer as materialized (
  select h.position
  from rowcast.log_head h
  where h.id = 1
    and exists (select from rowcast.log_incoming)
  for update skip locked
),
batch as materialized (
  select i.ctid
  from rowcast.log_incoming i
  where exists (select from sequencer)
    and i.id between '00000000-0000-0000-0000-000000000000' and 'ffffffff-ffff-ffff-ffff-ffffffffffff'
  order by i.id, i.consumer_group
  limit :limit
),
arrived as (
  delete from rowcast.log_incoming i
  where i.ctid = any (array(select b.ctid from batch b))
  returning i.id, i.channel, i.consumer_group, i.payload, i.metadata, i.created_at, i.retried
),
fresh as materialized (
  select
    a.id, a.channel, a.consumer_group, a.payload, a.metadata, a.created_at,
    s.position + row_number() over (order by a.id, a.consumer_group) as position,
    sum(
      case
        when pg_column_size(a.payload) + coalesce(pg_column_size(a.metadata), 0) > 2000 then 1000000000
        else octet_length(a.payload::text) + coalesce(octet_length(a.metadata::text), 0)
      end
    ) over (order by a.id, a.consumer_group rows unbounded preceding) as bytes
  from arrived a
  cross join sequencer s
  where not a.retried
    or not exists (
      select
      from rowcast.log l
      where l.channel = a.channel
        and l.position > s.position - 1000000
        and l.id = a.id
    )
),
numbered as (
  insert into rowcast.log (channel, consumer_group, position, id, payload, metadata, created_at)
  select f.channel, f.consumer_group, f.position, f.id, f.payload, f.metadata, f.created_at
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
  where s.position = (select h.position from rowcast.log_head h where h.id = 1)
  group by s.position
)
select
  c.channel,
  case
    when v.is_stale then v.head
    else greatest(v.head, (select max(f.position) from fresh f where f.channel = c.channel))
  end as position,
  case
    when v.is_stale then v.log_position
    else coalesce((select a.position from advanced a), v.log_position)
  end as log_position,
  v.is_stale
    or (select count(*) from batch) = :limit
    or (not exists (select from sequencer) and exists (select from rowcast.log_incoming)) as waiting,
  extract(epoch from clock_timestamp()) * 1000 as now_ms,
  (select w.shown_from from shown w) as shown_from,
  (select w.shown_to from shown w) as shown_to,
  null as consumer_group, null::uuid as id, null as payload, null as metadata, null as created_at_ms
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
  f.channel, f.position, null, null, null, null, null,
  f.consumer_group, f.id, f.payload::text, f.metadata::text, extract(epoch from f.created_at) * 1000
from fresh f
join shown w on f.position <= w.shown_to
where f.channel in (select c.channel from json_array_elements_text(:channels::json) as c (channel))
