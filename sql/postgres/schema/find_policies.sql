-- Tables of ours on which row level security holds for this login, in the order of their names: the commands for which no
-- policy lets it see or write any row, and whether a policy tells rows apart.
-- Params: schema.
select
  c.relname as name,
  (
    select string_agg(w.command, ', ' order by w.command)
    from (values ('r', 'select'), ('a', 'insert'), ('w', 'update'), ('d', 'delete')) as w (code, command)
    where has_table_privilege(c.oid, w.command)
      and not exists (
        select
        from pg_policy p
        where p.polrelid = c.oid
          and p.polpermissive
          and p.polcmd::text in (w.code, '*')
          and exists (select from unnest(p.polroles) as r (id) where r.id = 0 or pg_has_role(r.id, 'usage'))
      )
  ) as closed,
  exists (
    select
    from pg_policy p
    where p.polrelid = c.oid
      and (
        coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') <> 'true'
        or coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') <> 'true'
      )
      and exists (select from unnest(p.polroles) as r (id) where r.id = 0 or pg_has_role(r.id, 'usage'))
  ) as partial
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = :schema
  and c.relkind in ('r', 'p')
  and row_security_active(c.oid)
order by c.relname
