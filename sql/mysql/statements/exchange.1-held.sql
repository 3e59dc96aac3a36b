-- Acks deliveries of one channel whose lease is still held, and leases the first ready events of it. This step finds and
-- locks the held ones, in key order; each of its rows is an ack. Where the library takes all for held it skips this step,
-- and counts what the third has removed.
-- Six steps where Postgres has one statement: neither MySQL nor MariaDB can return what an update or a multi-table
-- delete has met. The library skips those that have nothing to do.
-- Params: channel, settled (JSON array of {priority, id, lease_token}).
-- `force index` here and in the steps after: by its statistics the table may look empty, and what an optimizer then reads
-- as a whole it locks as a whole.
-- The list is a derived table: MySQL refuses `for update` beside a bare `json_table` (error 3569).
select 'acked' as outcome, q.priority, q.id, q.lease_token, q.dedupe_key
from (
  select * from json_table(:settled, '$[*]' columns (
    priority smallint path '$[0]',
    id char(36) character set ascii collate ascii_bin path '$[1]',
    lease_token char(36) character set ascii collate ascii_bin path '$[2]'
  )) as listed
) as s
straight_join rowcast_queue as q force index (primary)
  on q.channel = :channel
  and q.priority = s.priority
  and q.id = s.id
  and q.lease_token = s.lease_token
order by s.priority, s.id
for update
