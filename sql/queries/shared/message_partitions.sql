-- The bounds of the partitions of a messages that is partitioned by created_at; one that is empty where it has none.
select coalesce(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '') as bound
  from pg_partitioned_table p
  join pg_attribute a on a.attrelid = p.partrelid and a.attname = 'created_at' and a.attnum = p.partattrs[0]
  left join (pg_inherits i join pg_class c on c.oid = i.inhrelid) on i.inhparent = p.partrelid
 where p.partrelid = pg_catalog.to_regclass('messages')::oid
   and p.partstrat = 'r' and p.partnatts = 1
