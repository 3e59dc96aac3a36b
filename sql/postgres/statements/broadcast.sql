-- Sends notifications, in the order given. A dollar sign in one is nothing special: it travels as a parameter.
-- Params: topics, envelopes (as many lines each; taking them apart at a line feed costs less than reading a JSON array).
select count(pg_notify(n.topic, n.envelope)) as notified
from unnest(string_to_array(:topics, chr(10)), string_to_array(:envelopes, chr(10))) as n (topic, envelope)
