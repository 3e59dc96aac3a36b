-- Wakes the consumers of some channels.
-- Params: topics (JSON array of NOTIFY topics).
select count(pg_notify(t.topic, '')) as notified
from json_array_elements_text(:topics::json) as t (topic)
