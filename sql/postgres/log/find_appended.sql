-- Which of these events are stored already, in the log (of which the last million positions are searched, once for all of
-- them) or among those that wait for their positions; and the last position, of the same moment. Takes no locks.
-- Params: channel, ids (JSON array).
-- Returns a row for each that is there, or one without an id.
with wanted as materialized (
  select t.id::uuid as id
  from json_array_elements_text(:ids::json) as t (id)
),
stored as (
  select l.id
  from rowcast.log l
  where l.channel = :channel
    and l.position > (select h.position from rowcast.log_head h where h.id = 1) - 1000000
    and l.id in (select w.id from wanted w)
  union all
  select i.id
  from rowcast.log_incoming i
  where i.id in (select w.id from wanted w)
)
select h.position as last_position, s.id
from rowcast.log_head h
left join stored s on true
where h.id = 1
