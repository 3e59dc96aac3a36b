-- returns: stored

-- step: head
-- Stores events of one channel like append.sql, after an attempt whose answer was lost and of which find_appended.sql found
-- nothing. This step locks log_head, so that no sequencer runs: the lost attempt may still be giving positions, and the next step
-- must see what it did.
select h.position as last_position
from rowcast.log_head h
where h.id = 1
for update

-- step: stored
-- What is there stays: among those that wait for their positions, or in the log, after the position that was the last when
-- it was searched without this lock. What was committed by then was found; what was not has a greater position, or none yet.
-- Returns the database's time.
-- Params: after (that position), channel, ids, payloads, details (JSON array of {metadata}), topics (as append.sql has them).
with events as materialized (
  select e.id::uuid as id, e.payload, e.metadata::json as metadata
  from rows from (
    json_array_elements_text(:ids::json),
    json_array_elements(:payloads::json),
    json_to_recordset(:details::json) as (metadata text)
  ) as e (id, payload, metadata)
),
known as materialized (
  select l.id
  from rowcast.log l
  where l.channel = :channel
    and l.position > :after
    and l.id in (select e.id from events e)
),
stored as (
  insert into rowcast.log_incoming (id, channel, payload, metadata, created_at)
  select e.id, :channel, e.payload, e.metadata, statement_timestamp()
  from events e
  where e.id not in (select k.id from known k)
  on conflict do nothing
)
select
  (date_part('epoch', statement_timestamp()) * 1000)::bigint as now_ms,
  (select count(pg_notify(t.topic, '')) from json_array_elements_text(:topics::json) as t (topic)) as notified
