-- Takes off the coordinator the rows of a schema that has just been distributed: Citus copies them and leaves them, where no query
-- sees them, but whatever index or constraint is made afterwards. Its triggers are set aside.
select pg_catalog.truncate_local_data_after_distributing_table(c.oid::regclass)
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = current_schema()
  join pg_catalog.pg_dist_partition as p on p.logicalrelid = c.oid
 where not c.relispartition;
