-- How far each channel of the log reaches, and how many dead letters its groups have, which are counted a piece at a time: the
-- rows of all pieces are to be put together. This step asks for the heads, from one channel to the next, rather than read
-- the whole index.
-- Params: channel (null for all), head (JSON array of the channel to begin after; empty when they are known).
with recursive channels(channel) as (
  select coalesce(:channel, (select min(l.channel) from rowcast_log as l where l.channel > :head ->> 0))
  union all
  select (select min(l.channel) from rowcast_log as l where l.channel > c.channel)
  from channels as c
  where :channel is null
    and c.channel is not null
)
select h.channel, h.head, 0 as dead
from (
  select c.channel, (select max(l.position) from rowcast_log as l where l.channel = c.channel) as head
  from channels as c
) as h
where h.head is not null
