-- Remembers that a migration was applied.
-- Params: version, name, checksum, compatible_from.
insert into rowcast_migrations (version, name, checksum, compatible_from)
values (:version, :name, :checksum, :compatible_from)
