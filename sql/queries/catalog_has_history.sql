-- Whether the Supabase CLI keeps a history in this database, and whether this role may read it and add to it.
select coalesce(pg_catalog.bool_or(true), false) as there,
       coalesce(pg_catalog.bool_or(pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT')), false) as readable,
       coalesce(pg_catalog.bool_or(pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'INSERT')), false) as writable,
       coalesce(pg_catalog.bool_or(exists (select from pg_attribute as a
                                 where a.attrelid = c.oid and a.attname = 'statements' and not a.attisdropped)
                        and exists (select from pg_attribute as a
                                     where a.attrelid = c.oid and a.attname = 'name' and not a.attisdropped)), false) as named
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations' and c.relkind in ('r', 'p');
