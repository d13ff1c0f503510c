-- Keeps the shards of a Citus tenant on their node until the transaction ends: Citus moves them from under those who only read
-- and lock rows. No row: this role does not own the tables.
select pg_catalog.lock_shard_metadata(5, array[s.shardid])
  from pg_catalog.pg_dist_shard as s
  join pg_catalog.pg_class as c on c.oid = s.logicalrelid::oid
 where s.logicalrelid::oid = 'chats'::regclass::oid
   and pg_catalog.pg_has_role(c.relowner, 'usage')
