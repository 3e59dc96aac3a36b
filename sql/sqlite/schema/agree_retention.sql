-- returns: agreed

-- step: forgotten
-- Says which retention time holds for what several applications may share: the longest that one of them asked for within the
-- last hour; and whether all of them let go of what groups have not read. This step forgets what was asked before.
delete from rowcast_retention
where seen_at < cast(unixepoch('subsec') * 1000 as integer) - 3600000

-- step: asked
-- Remembers what the caller asks for.
-- Params: kind ('history' or 'log'), retention_ms, drop_unread.
insert into rowcast_retention (kind, retention_ms, drop_unread, seen_at)
values (:kind, :retention_ms, :drop_unread, cast(unixepoch('subsec') * 1000 as integer))
on conflict do update
set seen_at = excluded.seen_at

-- step: agreed
-- What holds for all.
-- Params: kind.
select max(r.retention_ms) as retention_ms, min(r.drop_unread) as drop_unread
from rowcast_retention as r
where r.kind = :kind
