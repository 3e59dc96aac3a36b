-- Says which retention time holds for what several applications may share: the longest that one of them asked for within the
-- last hour; and whether all of them let go of what groups have not read. Remembers what the caller asks for.
-- Params: kind ('history', 'log' or 'spill'), retention_ms, drop_unread.
with forgotten as (
  delete from rowcast.retention r
  where r.seen_at < statement_timestamp() - interval '1 hour'
),
asked as (
  insert into rowcast.retention (kind, retention_ms, drop_unread, seen_at)
  values (:kind::text, :retention_ms::bigint, :drop_unread::boolean, statement_timestamp())
  on conflict (kind, retention_ms, drop_unread) do update
  set seen_at = excluded.seen_at
)
select
  greatest(max(r.retention_ms), :retention_ms::bigint) as retention_ms,
  (coalesce(bool_and(r.drop_unread), true) and :drop_unread::boolean)::integer as drop_unread
from rowcast.retention r
where r.kind = :kind::text
  and r.seen_at >= statement_timestamp() - interval '1 hour'
