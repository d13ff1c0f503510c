-- Which workers of a Citus cluster does the coordinator not reach? One that does not answer at all may take its connection timeout.
-- With whether tables of the schema lie there.
select n.nodename || ':' || n.nodeport as worker,
       exists (select from pg_catalog.pg_dist_placement p
                 join pg_catalog.pg_dist_shard s on s.shardid = p.shardid
                 join pg_catalog.pg_class c on c.oid = s.logicalrelid
                 join pg_catalog.pg_namespace own on own.oid = c.relnamespace
                where p.groupid = n.groupid and own.nspname = :'schema') as holds_tables
  from pg_catalog.pg_dist_node n
 where n.groupid <> 0 and n.noderole = 'primary' and n.isactive
   and not pg_catalog.citus_check_connection_to_node(n.nodename, n.nodeport)
 order by 1
