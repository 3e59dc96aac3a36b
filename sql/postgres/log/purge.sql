-- Deletes from the tail of each channel what is older than the retention time and read by every group; returns the
-- positions, and remembers the last of each channel, so that a reader who comes later knows what it has missed.
-- Params: retention_ms, drop_unread (whether groups that have not read it are passed over), limit.
-- Channels are found by skipping from one to the next along the key, rather than by reading it all.
with recursive channels as (
  (
    select l.channel
    from rowcast.log l
    order by l.channel
    limit 1
  )
  union all
  select (select l.channel from rowcast.log l where l.channel > c.channel order by l.channel limit 1)
  from channels c
  where c.channel is not null
),
tail as (
  select t.ctid
  from channels c
  cross join lateral (
    select l.ctid, l.created_at
    from rowcast.log l
    where l.channel = c.channel
      and (
        :drop_unread::boolean
        or l.position <= coalesce(
          (select min(k.position) from rowcast.checkpoint k where k.channel = c.channel), 9007199254740991
        )
      )
    order by l.position
    limit (select :limit::bigint)
  ) as t
  where t.created_at < statement_timestamp() - :retention_ms * interval '1 millisecond'
  limit :limit
),
deleted as (
  delete from rowcast.log l
  where l.ctid = any (array(select t.ctid from tail t))
  returning l.channel, l.position
),
passed as (
  insert into rowcast.log_tail as p (channel, position)
  select d.channel, max(d.position)
  from deleted d
  group by d.channel
  order by d.channel
  on conflict (channel) do update
  set position = greatest(p.position, excluded.position)
)
select d.position
from deleted d
