-- Returns for each dedupe key that is taken the id of the event that is live under it. Locks nothing.
-- Under REPEATABLE READ a key may be there twice: as it was before the event was acked, and as this very transaction has taken
-- it anew; the newer event counts. A plain join would end with the first row, since the key is unique.
-- Params: keys (JSON array of {channel, dedupe_key}).
-- The bound holds for every row. It is for the planner, which otherwise expects a hundred rows and reads a whole table to
-- hash it; expecting one, it looks each up by its key.
with wanted as materialized (
  select k.channel, k.dedupe_key
  from json_to_recordset(:keys::json) as k (channel text, dedupe_key text)
  where length(k.dedupe_key) between 0 and 1000000
)
select k.channel, k.dedupe_key, d.id
from wanted k
cross join lateral (
  select t.id
  from rowcast.dedupe t
  where t.channel = k.channel
    and t.dedupe_key = k.dedupe_key
  order by t.id desc
  limit 1
) d
