-- What has gone wrong in this database since its statistics began? Counters; a watch takes the differences.
-- Refusals of the guards are counted by a sequence, which a rollback leaves as it is; null where there is none to read.
select d.deadlocks,
       d.xact_rollback as rollbacks,
       (select coalesce(pg_sequence_last_value(c.oid), 0)
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'chatops' and c.relname = 'refusal_count' and c.relkind = 'S'
           and case when has_schema_privilege(n.oid, 'usage') then has_sequence_privilege(c.oid, 'select') end) as refusals
  from pg_stat_database d
 where d.datname = current_database()
