-- How many of some relations stand in each schema, those of the server and of sessions aside.
select n.nspname::text as schema, pg_catalog.count(*) as count
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where c.relname = any (:'names'::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
   and n.nspname::text !~ '^pg_' and n.nspname <> 'information_schema'
 group by n.nspname
 order by 1;
