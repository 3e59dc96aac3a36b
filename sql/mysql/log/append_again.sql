-- returns: stored

-- step: head
-- Stores events of one channel like append.sql, after an attempt whose answer was lost and of which find_appended.sql found
-- nothing. This step locks log_head, so that no sequencer runs, and the next step sees each event where it stays.
select h.position as last_position
from rowcast_log_head as h
for update

-- step: stored
-- What is there stays: among those that wait for their positions, or in the log, after the position that was the last when
-- it was searched without this lock. What was committed by then was found; what was not has a greater position, or none yet.
-- Params: after (that position), channel (of all of them), events (JSON array of {id, channel, payload, metadata}, as
-- append.sql has them).
-- One channel at a time, by its name: of channels that are joined each would be read from its first position on.
-- `distinct` keeps what is joined a table of its own.
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
  from rowcast_log as l force index (primary)
  straight_join (select distinct e.id from events as e) as wanted
    on wanted.id = l.id
  where l.channel = :channel
    and l.position > :after
)
select e.id, e.channel, e.payload, e.metadata, utc_timestamp(6)
from events as e
left join known as k
  on k.id = e.id
where k.id is null
on duplicate key update id = rowcast_log_incoming.id
