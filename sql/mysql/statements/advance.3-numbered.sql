-- Gives the positions, in the order of ids.
-- Params: sequencer (row of the first step), batch (rows of the step before).
insert into rowcast_log (channel, `position`, id, payload, metadata, created_at)
select
  i.channel, cast(json_unquote(json_extract(:sequencer, '$[0].last_position')) as signed) + row_number() over (order by i.id), i.id, i.payload,
  i.metadata, i.created_at
from json_table(:batch, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.batch_id',
  is_fresh integer path '$.is_fresh'
)) as b
straight_join rowcast_log_incoming as i force index (primary)
  on i.id = b.id
where b.is_fresh = 1
