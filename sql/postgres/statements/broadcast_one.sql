-- Sends one notification: what "broadcast" does for one line, in a plan that has nothing to set up.
-- Params: topics, envelopes (one line each).
select pg_notify(:topics, :envelopes)
