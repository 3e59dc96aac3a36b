-- Finds what is waiting and committed. Reads without locks, at READ COMMITTED: nobody else moves these rows.
-- An event whose publish was repeated may be in the log already: looked up among the last million positions.
-- Params: sequencer (row of the step before), limit.
select
  i.id as batch_id,
  i.consumer_group,
  i.retried = 0 or not exists (
    select 1
    from rowcast_log as l
    where l.channel = i.channel
      and l.position > cast(json_unquote(json_extract(:sequencer, '$[0].last_position')) as signed) - 1000000
      and l.id = i.id
  ) as is_fresh
from rowcast_log_incoming as i
where json_length(:sequencer) > 0
order by i.id, i.consumer_group
limit :limit
