-- Gives the next positions to events that have been committed, and says how far some channels reach now.
-- Params: channels (JSON array), limit.
-- One at a time: whoever holds the row of log_head. Others pass by and look again, unless nothing is waiting. Under READ
-- COMMITTED a lock that was waited for, or just missed, shows the newest position, and a row that another has moved in
-- the meantime is not deleted twice.
-- An event whose publish was repeated may be in the log already: looked up among the last million positions.
-- Returns for each channel its last position, the last of all, and whether more may be waiting.
with sequencer as materialized (
  select h.position
  from rowcast.log_head h
  where exists (select from rowcast.log_incoming)
  for update skip locked
),
batch as materialized (
  select i.id
  from rowcast.log_incoming i
  where exists (select from sequencer)
  order by i.id
  limit :limit
),
arrived as (
  delete from rowcast.log_incoming i
  using batch b
  where i.id = b.id
  returning i.id, i.channel, i.payload, i.metadata, i.created_at, i.retried
),
fresh as materialized (
  select
    a.id, a.channel, a.payload, a.metadata, a.created_at, s.position + row_number() over (order by a.id) as position
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
  insert into rowcast.log (channel, position, id, payload, metadata, created_at)
  select f.channel, f.position, f.id, f.payload, f.metadata, f.created_at
  from fresh f
  order by f.channel, f.position
),
advanced as (
  update rowcast.log_head h
  set position = h.position + n.count
  from (select count(*) as count from fresh) as n
  where n.count > 0
  returning h.position
)
select
  c.channel,
  greatest(
    (select max(l.position) from rowcast.log l where l.channel = c.channel),
    (select max(f.position) from fresh f where f.channel = c.channel)
  ) as position,
  coalesce((select a.position from advanced a), (select h.position from rowcast.log_head h)) as log_position,
  (select count(*) from batch) = :limit
    or (not exists (select from sequencer) and exists (select from rowcast.log_incoming)) as waiting,
  extract(epoch from clock_timestamp()) * 1000 as now_ms
from json_array_elements_text(:channels::json) as c (channel)
