-- Remembers that a migration was applied.
-- Params: version, name, checksum.
insert into rowcast.migrations (version, name, checksum)
values (:version, :name, :checksum)
