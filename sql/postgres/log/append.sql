-- Appends events to the log, and wakes the readers. Returns the database's time.
-- Params: ids (JSON array), payloads (JSON array of what is published, in the order of the ids), channel (of all of them),
-- details (JSON array in the same order of {channel, metadata}, metadata as JSON text, where channels differ or there is
-- metadata; else empty), at_once (whether they may be given their positions here: this statement is the whole transaction),
-- topics (JSON array of NOTIFY topics).
-- Events wait in log_incoming until somebody gives them their positions, which moves each of them; many at once are worth
-- having theirs on the way in. That takes the row of log_head, as in sequence.sql, and gives it back with the commit. Where
-- it is taken, nobody waits for it; and where others wait for their positions, these wait behind them.
-- The row of log_head is named by its key, so that the planner knows it to be one.
with sequencer as materialized (
  select h.position
  from rowcast.log_head h
  where h.id = 1
    and :at_once::boolean
    and not exists (select from rowcast.log_incoming)
  for update skip locked
),
events as materialized (
  select coalesce(e.channel, :channel) as channel, e.id::uuid as id, e.payload, e.metadata::json as metadata, e.ordinal
  from rows from (
    json_array_elements_text(:ids::json),
    json_array_elements(:payloads::json),
    json_to_recordset(:details::json) as (channel text, metadata text)
  ) with ordinality as e (id, payload, channel, metadata, ordinal)
),
numbered as (
  insert into rowcast.log (channel, position, id, payload, metadata, created_at)
  select e.channel, s.position + e.ordinal, e.id, e.payload, e.metadata, statement_timestamp()
  from events e
  cross join sequencer s
),
advanced as (
  update rowcast.log_head h
  set position = h.position + (select count(*) from events)
  where h.id = 1
    and exists (select from sequencer)
),
waiting as (
  insert into rowcast.log_incoming (id, channel, payload, metadata, created_at)
  select e.id, e.channel, e.payload, e.metadata, statement_timestamp()
  from events e
  where not exists (select from sequencer)
)
select
  (date_part('epoch', statement_timestamp()) * 1000)::bigint as now_ms,
  (select count(pg_notify(t.topic, '')) from json_array_elements_text(:topics::json) as t (topic)) as notified
