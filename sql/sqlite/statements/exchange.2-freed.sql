-- Frees the dedupe keys of the held deliveries.
-- Params: channel, settled (JSON array of {priority, id, lease_token}), keyed (JSON array of ids of those that have a
-- dedupe key; when it is empty the step is skipped).
delete from rowcast_dedupe
where channel = :channel
  and dedupe_key in (
    select d.dedupe_key
    from json_each(:settled) as s
    cross join rowcast_queue as q
      on q.channel = :channel
      and q.priority = s.value ->> 'priority'
      and q.id = s.value ->> 'id'
      and q.lease_token = s.value ->> 'lease_token'
    cross join rowcast_dedupe as d
      on d.channel = q.channel
      and d.dedupe_key = q.dedupe_key
      and d.id = q.id
    where q.id in (select k.value from json_each(:keyed) as k)
  )
