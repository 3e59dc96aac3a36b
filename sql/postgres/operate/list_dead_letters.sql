-- Dead letters in the order of their ids and groups, one page.
-- Params: of_groups (a log's, or a queue's), channel (null for all), id (null for all), after (null for the first page), limit.
select
  d.id, d.consumer_group, d.channel, d.payload::text as payload, d.metadata::text as metadata, d.dedupe_key, d.attempts, d.max_attempts,
  d.priority, d.error,
  extract(epoch from d.created_at) * 1000 as created_at_ms,
  extract(epoch from d.died_at) * 1000 as died_at_ms
from rowcast.dead_letter d
where (:channel::text is null or d.channel = :channel)
  and (d.consumer_group <> '') = :of_groups::boolean
  and (:id::uuid is null or d.id = :id::uuid)
  and (:after::uuid is null or d.id > :after::uuid)
order by d.id, d.consumer_group
limit :limit
