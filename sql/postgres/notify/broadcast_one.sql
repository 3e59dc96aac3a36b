-- Sends one notification: what "broadcast" does for one, in a plan that has nothing to set up.
-- Params: topics, notifications (one each).
select pg_notify(:topics, :notifications)
