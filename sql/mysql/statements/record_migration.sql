-- Remembers that a migration was applied.
-- Params: version, name, checksum.
insert into rowcast_migrations (version, name, checksum, applied_at)
values (:version, :name, :checksum, utc_timestamp(6))
