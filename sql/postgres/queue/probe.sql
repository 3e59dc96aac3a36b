-- Which of some channels have an event to claim now: asked often where no hints come from other processes, so it does nothing
-- else of what next_due.sql does. One read of the key for each channel; it ends at the first ready event.
-- Params: channels (JSON array).
-- No `exists`: that the server may turn into a join, and read the whole queue for it.
select c.channel
from json_array_elements_text(:channels::json) as c (channel)
where (
  select 0
  from rowcast.queue q
  where q.channel = c.channel
    and (q.lease_expires_at is null or q.lease_expires_at <= statement_timestamp())
  order by q.channel, q.priority, q.id
  limit 1
) is not null
