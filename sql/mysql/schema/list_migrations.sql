-- Every migration that was applied.
select
  version,
  checksum,
  compatible_from
from rowcast_migrations
order by version
