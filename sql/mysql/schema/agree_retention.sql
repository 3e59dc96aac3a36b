-- returns: agreed

-- step: forgotten
-- Says which retention time holds for what several applications may share: the longest that one of them asked for within the
-- last hour; and whether all of them let go of what groups have not read. This step forgets what was asked before.
delete r
from rowcast_retention as r
where r.seen_at < date_sub(utc_timestamp(6), interval 1 hour)

-- step: asked
-- Remembers what the caller asks for.
-- Params: kind ('history' or 'log'), retention_ms, drop_unread.
insert into rowcast_retention (kind, retention_ms, drop_unread, seen_at)
values (:kind, :retention_ms, :drop_unread, utc_timestamp(6))
on duplicate key update seen_at = utc_timestamp(6)

-- step: agreed
-- What holds for all.
-- Params: kind.
select max(r.retention_ms) as retention_ms, min(r.drop_unread) as drop_unread
from rowcast_retention as r
where r.kind = :kind
