-- Frees the dedupe keys of the held deliveries.
-- Params: channel, deliveries (JSON array of {priority, id, lease_token}).
delete from rowcast_dedupe
where channel = :channel
  and dedupe_key in (
    select d.dedupe_key
    from json_each(:deliveries) as r
    cross join rowcast_queue as q
      on q.channel = :channel
      and q.priority = r.value ->> 'priority'
      and q.id = r.value ->> 'id'
      and q.lease_token = r.value ->> 'lease_token'
    cross join rowcast_dedupe as d
      on d.channel = q.channel
      and d.dedupe_key = q.dedupe_key
      and d.id = q.id
  )
