-- returns: sequencer, batch, heads

-- step: sequencer
-- Gives the next positions to events that have been committed, and says how far some channels reach now. One at a time:
-- whoever holds the row of log_head, which this step locks if anything is waiting. Others pass by and look again.
-- Steps where Postgres has one statement: neither MySQL nor MariaDB can return what a delete has met.
-- Returns the last position so far, where it has the lock.
-- Params: from_id (the first id to look at).
select h.position as last_position
from rowcast_log_head as h
where exists (select 1 from rowcast_log_incoming as i where i.id >= :from_id)
for update skip locked

-- step: batch, unless sequencer is empty
-- Finds what is waiting and committed. Reads without locks, at READ COMMITTED: nobody else moves these rows.
-- Returns their ids, the last of which says how far it has reached.
-- Params: from_id, limit.
select i.id as reached, i.consumer_group
from rowcast_log_incoming as i
where i.id >= :from_id
order by i.id, i.consumer_group
limit :limit

-- step: numbered, unless batch is empty
-- Gives the positions, in the order of ids.
-- Params: sequencer (row of the first step), batch (rows of the step before).
insert into rowcast_log (channel, consumer_group, `position`, id, {entry}, created_at)
select
  i.channel, i.consumer_group,
  cast(json_unquote(json_extract(:sequencer, '$[0].last_position')) as signed) + row_number() over (order by i.id, i.consumer_group),
  i.id, {i.entry}, i.created_at
from json_table(:batch, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.reached',
  consumer_group varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.consumer_group'
)) as b
straight_join rowcast_log_incoming as i force index (primary)
  on i.id = b.id
  and i.consumer_group = b.consumer_group

-- step: removed, unless batch is empty
-- Deletes what has its position.
-- Params: batch (rows of the second step).
delete i
from json_table(:batch, '$[*]' columns (
  id char(36) character set ascii collate ascii_bin path '$.reached',
  consumer_group varchar(255) character set utf8mb4 collate utf8mb4_bin path '$.consumer_group'
)) as b
straight_join rowcast_log_incoming as i force index (primary)
  on i.id = b.id
  and i.consumer_group = b.consumer_group

-- step: advanced, unless batch is empty
-- Moves the head of the log on.
-- Params: batch (rows of the second step).
update rowcast_log_head as h
set h.position = h.position + json_length(:batch)

-- step: heads
-- Says how far the channels reach, and the log as a whole, and whether more is waiting: also what was committed after the
-- batch was read, which is worth another look. Nothing older is, if the log has grown by less than the limit.
-- Params: channels (JSON array), from_id.
-- A head is the first of the key, backwards: for a maximum MariaDB reads the whole channel. The channel is in the order,
-- too, since without it MySQL reads the whole channel and sorts it.
select
  c.channel,
  (
    select l.position
    from rowcast_log as l
    where l.channel = c.channel
    order by l.channel desc, l.position desc
    limit 1
  ) as `position`,
  (select h.position from rowcast_log_head as h) as log_position,
  exists (select 1 from rowcast_log_incoming as i where i.id >= :from_id) as waiting,
  timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 as now_ms
from json_table(:channels, '$[*]' columns (
  channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
)) as c
