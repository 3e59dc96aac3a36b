-- Remembers what the caller asks for.
-- Params: kind ('history' or 'log'), retention_ms, drop_unread.
insert into rowcast_retention (kind, retention_ms, drop_unread, seen_at)
values (:kind, :retention_ms, :drop_unread, utc_timestamp(6))
on duplicate key update seen_at = utc_timestamp(6)
