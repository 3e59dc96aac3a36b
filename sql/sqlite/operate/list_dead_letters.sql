-- Dead letters in the order of their ids and groups, one page.
-- Params: of_groups (a log's, or a queue's), channel (null for all), id (null for all), after (null for the first page), limit.
-- The bounds say again what the conditions above them say, in a way that a plan made before the values are known can use.
select
  d.id, d.consumer_group, d.channel, d.payload, d.metadata, d.dedupe_key, d.attempts, d.max_attempts, d.priority, d.error,
  d.created_at as created_at_ms, d.died_at as died_at_ms
from rowcast_dead_letter as d
where (:channel is null or d.channel = :channel)
  and (d.consumer_group <> '') = :of_groups
  and (:id is null or d.id = :id)
  and (:after is null or d.id > :after)
  and d.id >= coalesce(:id, :after, '')
  and d.id <= coalesce(:id, 'g')
order by d.id, d.consumer_group
limit :limit
