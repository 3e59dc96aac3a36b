-- Which of these events are stored already, in the log (of which the last million positions are searched, once for all of
-- them) or among those that wait for their positions; and the last position, of the same moment. Takes no locks.
-- Params: channel, ids (JSON array).
-- Returns a row for each that is there, or one without an id.
-- `distinct` keeps what is joined a table of its own.
select h.position as last_position, s.id
from rowcast_log_head as h
left join (
  select l.id
  from rowcast_log as l force index (primary)
  straight_join (
    select distinct w.id
    from json_table(:ids, '$[*]' columns (
      id char(36) character set ascii collate ascii_bin path '$'
    )) as w
  ) as wanted
    on wanted.id = l.id
  where l.channel = :channel
    and l.position > (select h.position from rowcast_log_head as h) - 1000000
  union all
  select i.id
  from json_table(:ids, '$[*]' columns (
    id char(36) character set ascii collate ascii_bin path '$'
  )) as w
  straight_join rowcast_log_incoming as i force index (primary)
    on i.id = w.id
) as s
  on true
