-- What has gone wrong in this database since its statistics began? Counters; a watch takes the differences.
-- Refusals of the guards are counted by sequences, which a rollback leaves as they are; null where there are none to read.
select d.deadlocks,
       d.xact_rollback as rollbacks,
       (select pg_catalog.sum(coalesce(pg_catalog.pg_sequence_last_value(c.oid), 0))::bigint
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = current_schema()
           and c.relkind = 'S'
           and c.relname in ('refusals_late_reply', 'refusals_operator_busy')
           and case when pg_catalog.has_schema_privilege(n.oid, 'usage') then pg_catalog.has_sequence_privilege(c.oid, 'select') end) as refusals
  from pg_stat_database d
 where d.datname = current_database()
