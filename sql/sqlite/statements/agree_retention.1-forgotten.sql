-- Says which retention time holds for what several applications may share: the longest that one of them asked for within the
-- last hour; and whether all of them let go of what groups have not read. This step forgets what was asked before.
delete from rowcast_retention
where seen_at < cast(unixepoch('subsec') * 1000 as integer) - 3600000
