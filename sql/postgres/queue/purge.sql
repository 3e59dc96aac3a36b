-- Deletes settled events that are older than the retention time; returns their ids.
-- Params: retention_ms, limit.
delete from rowcast.history h
where h.ctid = any (
  array(
    select t.ctid
    from rowcast.history t
    where t.settled_at < statement_timestamp() - :retention_ms * interval '1 millisecond'
    limit :limit
    for update skip locked
  )
)
returning h.id
