-- For each channel that has something to wait for: how many milliseconds until its queue has an event to claim (0 or
-- less when it has one, later when all are leased) and until its next scheduled event is due. It ends at the first event
-- that is ready; where all are leased it looks at the first 200, so many that an index still is the shorter way to them.
-- Params: channels (JSON array).
select
  c.channel,
  coalesce(
    (
      select 0
      from rowcast.queue q
      where q.channel = c.channel
        and (q.lease_expires_at is null or q.lease_expires_at <= statement_timestamp())
      order by q.channel, q.priority, q.id
      limit 1
    ),
    (
      select extract(epoch from min(h.lease_expires_at) - statement_timestamp()) * 1000
      from (
        select q.lease_expires_at
        from rowcast.queue q
        where q.channel = c.channel
        order by q.channel, q.priority, q.id
        limit 200
      ) h
    )
  ) as queue_due_ms,
  (
    select extract(epoch from min(s.available_at) - statement_timestamp()) * 1000
    from rowcast.scheduled s
    where s.channel = c.channel
  ) as scheduled_due_ms,
  extract(epoch from statement_timestamp()) * 1000 as now_ms
from json_array_elements_text(:channels::json) as c (channel)
