-- The bounds of the partitions of a messages that is partitioned by created_at; one that is empty where it has none.
select coalesce(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '') as bound
  from pg_partitioned_table p
  join pg_class k on k.oid = p.partrelid and k.relname = 'messages'
  join pg_namespace n on n.oid = k.relnamespace and n.nspname = current_schema()
  join pg_attribute a on a.attrelid = k.oid and a.attname = 'created_at' and a.attnum = p.partattrs[0]
  left join (pg_inherits i join pg_class c on c.oid = i.inhrelid) on i.inhparent = k.oid
 where p.partstrat = 'r' and p.partnatts = 1
