-- The schemas in which all of some relations stand.
select n.nspname::text as schema
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where c.relname = any (:'names'::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
 group by n.nspname
having pg_catalog.count(*) = pg_catalog.cardinality(:'names'::text[])
 order by 1;
