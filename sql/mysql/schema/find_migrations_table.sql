-- One row when the migrations table is there, none when it is not.
-- Params: migrations_table (its quoted name).
-- Servers whose file system folds case fold the names of tables too; only there may case differ.
select t.table_name
from (
  select
    t.table_name,
    convert(concat('`', replace(t.table_name, '`', '``'), '`') using utf8mb4) collate utf8mb4_bin as found,
    convert(:migrations_table using utf8mb4) collate utf8mb4_bin as wanted
  from information_schema.tables t
  where t.table_schema = database()
) t
where t.found = t.wanted
  or (@@lower_case_table_names > 0 and lower(t.found) = lower(t.wanted))
