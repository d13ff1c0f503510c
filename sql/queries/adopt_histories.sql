-- Tables in which migration tools keep what they have run: schema, name, columns, and whether this role may read them.
select n.nspname::text as schema, c.relname::text as name, pg_catalog.array_agg(a.attname::text) as columns,
       pg_catalog.has_table_privilege(c.oid, 'select') and pg_catalog.has_schema_privilege(n.oid, 'usage') as readable
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relname = any (:'names'::text[]) and c.relkind in ('r', 'p', 'v') and n.nspname not in ('chatops', 'pg_catalog')
 group by n.nspname, c.relname, c.oid, n.oid
 order by n.nspname, c.relname;
