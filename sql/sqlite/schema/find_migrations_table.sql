-- One row when the migrations table is there, none when it is not.
-- Params: migrations_table (its quoted name).
-- Names of tables are compared as SQLite does, without regard to the case of ASCII letters.
select t.name
from sqlite_master t
where t.type = 'table'
  and '"' || replace(t.name, '"', '""') || '"' = :migrations_table collate nocase
