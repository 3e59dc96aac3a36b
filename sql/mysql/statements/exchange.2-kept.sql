-- Copies the acked events into history.
-- Params: channel, acked (rows of the first step), keep_history, consumer.
insert into rowcast_history (
  id, channel, priority, payload, metadata, attempts, outcome, consumer, lease_token, created_at, settled_at
)
select
  q.id, q.channel, q.priority, q.payload, q.metadata, q.attempts, 'acked', :consumer, q.lease_token, q.created_at,
  utc_timestamp(6)
from json_table(:acked, '$[*]' columns (
  priority smallint path '$.priority',
  id char(36) character set ascii collate ascii_bin path '$.id'
)) as a
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = a.priority
  and q.id = a.id
where :keep_history = 1
on duplicate key update id = rowcast_history.id
