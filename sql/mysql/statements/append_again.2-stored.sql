-- What is there stays: among those that wait for their positions, or in the log, where it is looked up among the last
-- million positions, once for all of them (`distinct` keeps what is joined a table of its own).
-- Params: head (row of the step before), events (as append.sql has them).
insert into rowcast_log_incoming (id, channel, payload, metadata, created_at)
with events as (
  select e.id, e.channel, e.payload, e.metadata
  from json_table(:events, '$[*]' columns (
    id char(36) character set ascii collate ascii_bin path '$[0]',
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$[1]',
    metadata longtext character set utf8mb4 collate utf8mb4_bin path '$[2]',
    payload longtext character set utf8mb4 collate utf8mb4_bin path '$[3]'
  )) as e
),
known as (
  select distinct l.id
  from (select distinct e.channel from events as e) as c
  straight_join rowcast_log as l force index (primary)
    on l.channel = c.channel
    and l.position > cast(json_unquote(json_extract(:head, '$[0].last_position')) as signed) - 1000000
  straight_join (select distinct e.id from events as e) as wanted
    on wanted.id = l.id
)
select e.id, e.channel, e.payload, e.metadata, utc_timestamp(6)
from events as e
left join known as k
  on k.id = e.id
where k.id is null
on duplicate key update id = rowcast_log_incoming.id
