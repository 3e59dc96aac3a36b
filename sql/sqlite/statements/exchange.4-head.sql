-- Finds where the first events of a channel that nobody leases end, and by which time nobody does; at most one row.
-- So the two steps after go through a range of the key, in half the time of a search for each of its rows.
-- Params: channel, limit.
select h.priority, h.id, h.now_ms
from (
  select q.priority, q.id, cast(unixepoch('subsec') * 1000 as integer) as now_ms
  from rowcast_queue as q
  where q.channel = :channel
    and (q.lease_expires_at is null or q.lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer))
  order by q.priority, q.id
  limit :limit
) as h
order by h.priority desc, h.id desc
limit 1
