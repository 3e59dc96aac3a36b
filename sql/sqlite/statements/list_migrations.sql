-- Every migration that was applied.
select
  version,
  checksum
from rowcast_migrations
order by version
