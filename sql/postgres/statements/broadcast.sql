-- Sends notifications, in the order given. A dollar sign in a payload is nothing special: it travels as a parameter.
-- Params: notifications (JSON array of {topic, envelope}).
select count(pg_notify(n.topic, n.envelope)) as notified
from json_to_recordset(:notifications::json) as n (topic text, envelope text)
