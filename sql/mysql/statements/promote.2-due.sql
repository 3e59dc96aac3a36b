-- Finds and locks what is due in that channel, passing over what others are promoting.
-- Params: ripe (the row of the step before), limit.
select s.channel, s.id
from rowcast_scheduled as s force index (rowcast_scheduled_due)
where s.channel = json_unquote(json_extract(:ripe, '$[0].ripe_channel'))
  and s.available_at <= utc_timestamp(6)
order by s.available_at
limit :limit
for update skip locked
