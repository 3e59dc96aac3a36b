-- Reads spilled payloads back.
-- Params: ids (JSON array).
select s.id, s.payload::text as payload, s.metadata::text as metadata
from rowcast.spill s
where s.id = any (array(select i.id::uuid from json_array_elements_text(:ids::json) as i (id)))
