-- How is a partitioned messages partitioned, and from when on is a partition missing? No row where messages is one table.
\set partition_missing `cat sql/queries/shared/partition_missing.sql`
\set message_partitions `cat sql/queries/shared/message_partitions.sql`
select pg_catalog.pg_get_partkeydef(k.oid) as partitioned_by,
       (select pg_catalog.count(*) from pg_inherits i where i.inhparent = k.oid) as partitions,
       w.missing_from, coalesce(w.missing_from <= now(), false) as missing_now,
       coalesce(w.missing_from < now() + interval '7 days', false) as missing_soon,
       w.remedy
  from pg_partitioned_table p
  join pg_class k on k.oid = p.partrelid and k.relname = 'messages'
  join pg_namespace n on n.oid = k.relnamespace and n.nspname = current_schema()
  left join (:partition_missing) as w on w.missing_from < 'infinity'
