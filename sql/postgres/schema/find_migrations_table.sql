-- One row when the migrations table is there, none when it is not.
-- Params: migrations_table (its quoted name, schema included).
select c.relname
from pg_class c
where c.oid = to_regclass(:migrations_table)
