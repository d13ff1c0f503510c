-- What the node of a Citus tenant answers to one question about its chats and operators; elsewhere nothing. asked: its text, with
-- %1$s for the shard of the chats and %2$s for that of the operators. A node that does not answer is an error, in its words.
select pg_catalog.query_to_xml(pg_catalog.format(
         'select case when w.success then w.result else w.result::integer::text end as result, here.nodeid as here,'
         '       (select n.nodeid from pg_catalog.pg_dist_node as n where n.nodename = w.nodename and n.nodeport = w.nodeport limit 1) as there,'
         '       w.nodename || '':'' || w.nodeport as node'
         '  from pg_catalog.pg_dist_shard as o'
         ' cross join lateral pg_catalog.run_command_on_placements(''chats''::regclass,'
         '              pg_catalog.format(%L, ''%%1$s'', pg_catalog.shard_name(o.logicalrelid, o.shardid))) as w'
         ' cross join lateral (select n.nodeid from pg_catalog.pg_dist_node as n where n.groupid = 0 limit 1) as here'
         ' where o.logicalrelid = ''operators''::regclass and (w.result <> '''' or not w.success)', asked.text), true, false, '') as found
  from asked
 where (select pg_catalog.count(*) = 2 from pg_catalog.pg_trigger as t
         where t.tgrelid in (pg_catalog.to_regclass('chats')::oid, pg_catalog.to_regclass('operators')::oid)
           and t.tgfoid = pg_catalog.to_regproc('pg_catalog.citus_truncate_trigger')::oid)
