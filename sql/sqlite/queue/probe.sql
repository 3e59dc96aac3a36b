-- Which of some channels have an event to claim now: asked often where no hints come from other objects, which is in memory,
-- so it does nothing else of what next_due.sql does. One read of the key for each channel; it ends at the first ready event.
-- Params: channels (JSON array).
select c.value as channel
from json_each(:channels) as c
where exists (
  select 1
  from rowcast_queue as q
  where q.channel = c.value
    and (q.lease_expires_at is null or q.lease_expires_at <= cast(unixepoch('subsec') * 1000 as integer))
)
