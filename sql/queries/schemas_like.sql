-- The schemas of a database whose names match a pattern, the server's own and ours left out.
select n.nspname::text as name
  from pg_namespace as n
 where n.nspname::text like :'pattern' escape '\'
   and n.nspname::text !~ '^pg_'
   and n.nspname not in ('information_schema', 'chatops')
   -- An extension's own.
   and not exists (select from pg_depend e where e.classid = 'pg_namespace'::regclass::oid and e.objid = n.oid and e.deptype = 'e')
 order by n.nspname;
