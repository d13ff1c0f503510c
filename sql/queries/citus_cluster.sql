-- What is this node of a Citus cluster, and are the chats of this schema distributed? For databases with the extension only.
select (select e.extversion from pg_extension e where e.extname = 'citus') as version,
       coalesce((select l.groupid = 0 from pg_catalog.pg_dist_local_group l), true) as coordinator,
       (select pg_catalog.count(*) from pg_catalog.pg_dist_node n
         where n.groupid <> 0 and n.noderole = 'primary' and n.isactive)::int as workers,
       exists (select from pg_catalog.pg_dist_schema s
                 join pg_catalog.pg_namespace n on n.oid = s.schemaid
                where n.nspname = :'schema') as distributed_schema,
       exists (select from pg_catalog.pg_dist_partition p
                 join pg_catalog.pg_class c on c.oid = p.logicalrelid
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where n.nspname = :'schema' and c.relname = 'chats') as distributed_chats,
       exists (select from pg_catalog.pg_dist_partition p
                 join pg_catalog.pg_class c on c.oid = p.logicalrelid
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'chatops' and c.relname = 'settings') as shared_settings,
       exists (select from pg_catalog.pg_dist_node n where n.groupid = 0) as in_metadata
