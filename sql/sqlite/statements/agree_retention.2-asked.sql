-- Remembers what the caller asks for.
-- Params: kind ('history' or 'log'), retention_ms, drop_unread.
insert into rowcast_retention (kind, retention_ms, drop_unread, seen_at)
values (:kind, :retention_ms, :drop_unread, cast(unixepoch('subsec') * 1000 as integer))
on conflict do update
set seen_at = excluded.seen_at
