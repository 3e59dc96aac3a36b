-- Sends notifications, in the order given. A dollar sign in one is nothing special: it travels as a parameter.
-- Params: topics (parted by line feeds), notifications (as many, of envelopes parted by line feeds, and parted by the
-- record separator: taking them apart there costs less than reading a JSON array).
select count(pg_notify(n.topic, n.text)) as notified
from unnest(string_to_array(:topics, chr(10)), string_to_array(:notifications, chr(30))) as n (topic, text)
