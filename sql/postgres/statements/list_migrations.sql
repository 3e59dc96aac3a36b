-- Every migration that was applied.
select
  version,
  checksum
from rowcast.migrations
order by version
