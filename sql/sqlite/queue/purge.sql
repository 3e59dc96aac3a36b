-- Deletes settled events that are older than the retention time; returns their ids.
-- Params: retention_ms, limit.
delete from rowcast_history
where id in (
  select h.id
  from rowcast_history as h
  where h.settled_at < cast(unixepoch('subsec') * 1000 - :retention_ms as integer)
  order by h.settled_at
  limit :limit
)
returning id
