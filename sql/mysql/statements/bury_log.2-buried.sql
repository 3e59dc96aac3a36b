-- Copies the event.
-- Params: held (row of the step before), channel, consumer_group, position, attempts, max_attempts, error.
insert into rowcast_dead_letter (
  id, consumer_group, channel, priority, payload, metadata, attempts, max_attempts, created_at, died_at, error
)
select
  l.id, :consumer_group, l.channel, 5, l.payload, l.metadata, :attempts, :max_attempts, l.created_at, utc_timestamp(6),
  :error
from rowcast_log as l
where json_length(:held) > 0
  and l.channel = :channel
  and l.position = :position
on duplicate key update id = rowcast_dead_letter.id
