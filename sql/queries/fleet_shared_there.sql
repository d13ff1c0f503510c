-- Is in schema chatops what the shipped files need there for every tenant alike?
select pg_catalog.count(*) > 0
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
 where n.nspname = 'chatops' and c.relname = 'queue_returns' and c.relkind = 'S'
