-- May this role read the watches that monitor keeps in this database?
select exists (select from pg_class c
                 join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'chatops' and c.relname = 'watches'
                  and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select'))
