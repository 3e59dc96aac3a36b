-- Deletes spilled payloads that are older than the retention time; returns their ids.
-- Params: retention_ms, limit.
delete from rowcast.spill s
where s.ctid = any (
  array(
    select t.ctid
    from rowcast.spill t
    where t.created_at < statement_timestamp() - :retention_ms * interval '1 millisecond'
    limit :limit
    for update skip locked
  )
)
returning s.id
