-- Stores the payloads of notify events that are too large for NOTIFY.
-- Params: events (JSON array of {id, payload, metadata}; payload and metadata are JSON text).
insert into rowcast.spill (id, payload, metadata, created_at)
select e.id, e.payload::json, e.metadata::json, statement_timestamp()
from json_to_recordset(:events::json) as e (id uuid, payload text, metadata text)
on conflict do nothing
