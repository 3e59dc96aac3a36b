-- returns: behind

-- step: behind
-- Makes the row of log_head where it is gone, and moves it on where positions were given that it does not know of: the table
-- was emptied, or rows of another log were loaded beside it. This step finds the position where there is something to do.
-- What an emptied log had given is known to its readers alone. So that nothing it gives is behind them, it goes on from the
-- microseconds since 1970, which are more than any log has events.
select greatest(
  g.given,
  case
    when exists (select 1 from rowcast_log_head as h where h.id = 1) then 0
    else timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6))
  end
) as `position`
from (
  select greatest(
    coalesce(
      (select max(m.last_position) from (select max(l.position) as last_position from rowcast_log as l group by l.channel) as m),
      0
    ),
    coalesce((select max(k.position) from rowcast_checkpoint as k), 0)
  ) as given
) as g
where not exists (select 1 from rowcast_log_head as h where h.id = 1 and h.position >= g.given)

-- step: restored, unless behind is empty
-- Restores it; another process may have done so meanwhile.
-- Params: behind (row of the step before).
insert into rowcast_log_head (id, `position`)
values (1, cast(json_unquote(json_extract(:behind, '$[0].position')) as signed))
on duplicate key update
  `position` = greatest(rowcast_log_head.position, cast(json_unquote(json_extract(:behind, '$[0].position')) as signed))
