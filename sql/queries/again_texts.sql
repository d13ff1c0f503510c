-- The bodies of the routines of a name, or the queries of the views: of one schema, or (null) wherever they stand.
-- kind: view or routine; name; schema
select case when :'kind' = 'view' then (select pg_catalog.pg_get_viewdef(c.oid)) end as text
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where :'kind' = 'view' and c.relname = :'name' and c.relkind = 'v' and n.nspname not in ('pg_catalog', 'information_schema')
   and n.nspname = coalesce(:'schema'::text, n.nspname)
union all
select p.prosrc
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
 where :'kind' = 'routine' and p.proname = :'name' and p.prokind in ('f', 'p')
   and n.nspname not in ('pg_catalog', 'information_schema')
   and n.nspname = coalesce(:'schema'::text, n.nspname);
