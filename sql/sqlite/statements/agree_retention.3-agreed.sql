-- What holds for all.
-- Params: kind.
select max(r.retention_ms) as retention_ms, min(r.drop_unread) as drop_unread
from rowcast_retention as r
where r.kind = :kind
