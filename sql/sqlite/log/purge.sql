-- returns: looked, removed

-- step: looked
-- Deletes from the tail of the log what is older than the retention time and read by every group, a part at a time; returns
-- what it looked at and the positions of what it deleted. This step looks.
-- Params: after (up to which position the part before has looked, 0 for the first), retention_ms, drop_unread (whether groups
-- that have not read it are passed over), limit (how many events to look at).
-- All channels at once, in the order of positions: what a group holds back is passed over. The last event stays, since it
-- says how far the log reaches. A search for the first young event would read the whole tail again for each part.
select
  l.position as looked,
  l.created_at < cast(unixepoch('subsec') * 1000 - :retention_ms as integer) as is_old,
  :drop_unread or l.position <= coalesce(
    (select min(k.position) from rowcast_checkpoint as k where k.channel = l.channel), 9007199254740991
  ) as is_read
from rowcast_log as l
where l.position > :after
  and l.position < (select max(t.position) from rowcast_log as t)
order by l.position
limit :limit

-- step: removed, unless looked is empty
-- Deletes what was found old and read, up to the first young event, and returns its positions.
-- Params: looked (rows of the step before).
delete from rowcast_log
where position in (
  select o.value ->> 'looked'
  from json_each(:looked) as o
  where o.value ->> 'is_old'
    and o.value ->> 'is_read'
    and o.value ->> 'looked' < coalesce(
      (select min(y.value ->> 'looked') from json_each(:looked) as y where not y.value ->> 'is_old'), 9007199254740991
    )
)
returning position, channel

-- step: passed, unless removed is empty
-- Remembers how far each channel was deleted, so that a reader who comes later knows what it has missed.
-- Params: removed (rows of the step before).
insert into rowcast_log_tail (channel, position)
select r.value ->> 'channel', max(r.value ->> 'position')
from json_each(:removed) as r
group by r.value ->> 'channel'
on conflict do update
set position = max(position, excluded.position)
