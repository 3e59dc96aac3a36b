-- Moves scheduled events that are due into the queue, the longest due first; returns their channels. This step picks the
-- one channel whose first event has been due longest; the others come with the next calls. Its row has no `channel`, since
-- nothing has moved yet: others may be promoting there.
-- One channel a call, where Postgres takes `limit` of each: without lateral joins, which MariaDB lacks, only a constant
-- channel lets the next step read, and lock, no more of the index than what is due.
-- The channel is in the order, too: without it MySQL reads the whole channel and sorts it.
-- Params: channels (JSON array).
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
select r.channel as ripe_channel
from (
  select
    c.channel,
    (
      select s.available_at
      from rowcast_scheduled as s force index (rowcast_scheduled_due)
      where s.channel = c.channel
      order by s.channel, s.available_at
      limit 1
    ) as due_at
  from json_table(:channels, '$[*]' columns (
    channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
  )) as c
) as r
where r.due_at <= utc_timestamp(6)
order by r.due_at
limit 1
