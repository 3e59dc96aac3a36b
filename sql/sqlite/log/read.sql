-- The next events of one channel, in the order of their positions.
-- Params: channel, consumer_group (empty for none), after (the last position that was read), until (the last that may be read now), limit.
select l.position, l.id, l.payload, l.metadata, l.created_at as created_at_ms
from rowcast_log as l
where l.channel = :channel
  and l.position > :after
  and l.position <= :until
  and l.consumer_group in ('', :consumer_group)
order by l.position
limit :limit
