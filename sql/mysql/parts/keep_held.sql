-- Copies the held events into history.
-- Params: channel, held (rows of the first step, or what was settled), consumer.
insert into rowcast_history (
  id, channel, priority, {content}, attempts, outcome, consumer, lease_token, created_at, settled_at
)
select
  q.id, q.channel, q.priority, {q.content}, q.attempts, 'acked', :consumer, q.lease_token, q.created_at,
  utc_timestamp(6)
from json_table(:held, '$[*]' columns (
  priority smallint path '$[0]',
  id char(36) character set ascii collate ascii_bin path '$[1]',
  lease_token char(36) character set ascii collate ascii_bin path '$[2]'
)) as h
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = h.priority
  and q.id = h.id
  and q.lease_token = h.lease_token
on duplicate key update id = rowcast_history.id
