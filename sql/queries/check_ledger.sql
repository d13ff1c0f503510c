-- Whether chatops keeps a ledger and an audit here, and whether this role may read them.
select pg_catalog.to_regnamespace('chatops') is not null as present,
       coalesce(pg_catalog.bool_or(c.relname = 'migrations' and pg_catalog.has_schema_privilege(n.oid, 'usage')
                        and pg_catalog.has_table_privilege(c.oid, 'select')), false) as ledger_readable,
       coalesce(pg_catalog.bool_or(c.relname = 'actions' and pg_catalog.has_schema_privilege(n.oid, 'usage')
                        and pg_catalog.has_table_privilege(c.oid, 'select')), false) as audit_readable,
       coalesce(pg_catalog.bool_or(c.relname = 'actions'), false) as audit_present
  from pg_namespace n
  left join pg_class c on c.relnamespace = n.oid and c.relname in ('migrations', 'actions') and c.relkind = 'r'
 where n.nspname = 'chatops'
