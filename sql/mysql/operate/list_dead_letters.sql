-- Dead letters in the order of their ids and groups, one page.
-- `force index`: by its statistics the table may look so small that sorting all of it seems cheaper than reading one page. The
-- group is named in the index, though the primary key would add it: MySQL does not count on that for the order, and now and then sorts.
-- Params: of_groups (a log's, or a queue's), channel (null for all), id (null for all), after (null for the first page), limit.
select
  d.id, d.consumer_group, d.channel, d.payload, d.metadata, d.dedupe_key, d.attempts, d.max_attempts, d.priority, d.error,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', d.created_at) div 1000 as created_at_ms,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', d.died_at) div 1000 as died_at_ms
from rowcast_dead_letter as d force index (primary, rowcast_dead_letter_channel)
where (:channel is null or d.channel = :channel)
  and (d.consumer_group <> '') = :of_groups
  and (:id is null or d.id = :id)
  and (:after is null or d.id > :after)
order by d.id, d.consumer_group
limit :limit
