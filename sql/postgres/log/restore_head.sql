-- returns: behind

-- step: behind
-- Makes the row of log_head where it is gone, and moves it on where positions were given that it does not know of: the table
-- was emptied, or rows of another log were loaded beside it. This step finds the position where there is something to
-- do; a database that takes no writes answers it, too.
-- What an emptied log had given is known to its readers alone. So that nothing it gives is behind them, it goes on from the
-- microseconds since 1970, which are more than any log has events.
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
given as (
  select greatest(
    0,
    (
      select max((select max(l.position) from rowcast.log l where l.channel = c.channel))
      from channels c
    ),
    (select max(k.position) from rowcast.checkpoint k)
  ) as position
)
select case
  when exists (select from rowcast.log_head r where r.id = 1) then g.position
  else greatest(g.position, trunc(extract(epoch from clock_timestamp()) * 1000000)::bigint)
end as position
from given g
where not exists (select from rowcast.log_head r where r.id = 1 and r.position >= g.position)

-- step: restored, unless behind is empty
-- Restores it; another process may have done so meanwhile.
-- Params: behind (row of the step before).
insert into rowcast.log_head as h (id, position)
select 1, b.position
from json_to_recordset(:behind::json) as b (position bigint)
on conflict (id) do update
set position = greatest(h.position, excluded.position)
