-- Deletes from the tail of the log what is older than the retention time and read by every group; returns the positions.
-- Params: retention_ms, drop_unread (whether groups that have not read it are passed over), limit.
-- All channels at once, in the order of positions: what a group holds back is passed over. The last event stays, since
-- it says how far the log reaches. The first young event ends the search.
delete from rowcast_log
where position in (
  select l.position
  from rowcast_log as l
  where l.position < coalesce(
      (
        select y.position
        from rowcast_log as y
        where y.created_at >= cast(unixepoch('subsec') * 1000 - :retention_ms as integer)
        order by y.position
        limit 1
      ),
      (select max(t.position) from rowcast_log as t)
    )
    and (
      :drop_unread
      or l.position <= coalesce(
        (select min(k.position) from rowcast_checkpoint as k where k.channel = l.channel), 9007199254740991
      )
    )
  order by l.position
  limit :limit
)
returning position
