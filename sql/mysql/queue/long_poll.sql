-- Waits, at the server, until one of some channels has an event to claim: returns a row then, and none when all naps are over.
-- Runs at READ UNCOMMITTED, since at any other level a statement sees the rows of one moment; so what it sees may not be
-- committed yet, or never: probe.sql says what is there.
-- Params: channels (JSON array), naps (JSON array of seconds: how long to sleep between two reads).
-- `n.number` ties each read to its nap: the server must not take the answer to one for that to the next.
select 1 as found
from json_table(:naps, '$[*]' columns (number for ordinality, seconds double path '$')) as n
where if(
  (
    select 0
    from json_table(:channels, '$[*]' columns (
      channel varchar(255) character set utf8mb4 collate utf8mb4_bin path '$'
    )) as c
    straight_join rowcast_queue as q force index (primary)
      on q.channel = c.channel
      and (q.lease_expires_at is null or q.lease_expires_at <= utc_timestamp(6))
    where n.number > 0
    limit 1
  ) is not null,
  1,
  sleep(n.seconds)
)
limit 1
