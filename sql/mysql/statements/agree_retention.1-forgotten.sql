-- Says which retention time holds for what several applications may share: the longest that one of them asked for within the
-- last hour; and whether all of them let go of what groups have not read. This step forgets what was asked before.
delete r
from rowcast_retention as r
where r.seen_at < date_sub(utc_timestamp(6), interval 1 hour)
