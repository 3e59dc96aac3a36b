-- For each channel that has something to wait for: how many milliseconds until its queue has an event to claim (0 or
-- less when it has one, later when all are leased) and until its next scheduled event is due. Looks at no more than the
-- first 1 000 rows of a queue.
-- Params: channels (JSON array).
select
  c.value as channel,
  (
    select
      min(coalesce(h.lease_expires_at, cast(unixepoch('subsec') * 1000 as integer)))
        - cast(unixepoch('subsec') * 1000 as integer)
    from (
      select q.lease_expires_at
      from rowcast_queue as q
      where q.channel = c.value
      order by q.priority, q.id
      limit 1000
    ) as h
  ) as queue_due_ms,
  (
    select min(s.available_at) - cast(unixepoch('subsec') * 1000 as integer)
    from rowcast_scheduled as s
    where s.channel = c.value
  ) as scheduled_due_ms,
  cast(unixepoch('subsec') * 1000 as integer) as now_ms
from json_each(:channels) as c
