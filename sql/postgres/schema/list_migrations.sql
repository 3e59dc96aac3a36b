-- Every migration that was applied.
select
  version,
  checksum,
  compatible_from
from rowcast.migrations
order by version
