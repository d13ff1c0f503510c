-- What the migrator of a Citus tenant waits for on a worker, and every session that keeps it from that; nothing while it does not.
--
-- Asked on the coordinator: the worker's session of ours bears the migrator's number, the process on the coordinator's node.
with mine as (
  select pg_catalog.citus_calculate_gpid(here.nodeid, m.pid) as number
    from pg_locks as m
    join pg_database as d on d.oid = m.database and d.datname = current_database()
   cross join lateral (select n.nodeid from pg_catalog.pg_dist_node as n where n.groupid = 0 limit 1) as here
   where m.locktype = 'advisory' and m.granted
     and m.classid = :'lock_class'::bigint::oid and m.objid = :'lock_object'::bigint::oid and m.objsubid = 2
), asked as (
  select n.nodeid, a.nodename || ':' || a.nodeport as node, a.result
    from mine
   cross join lateral pg_catalog.run_command_on_workers(pg_catalog.format(
           'select coalesce(json_agg(b), ''[]'') from ('
           'select coalesce(regexp_replace(w.relation::regclass::text, ''_\d+$'', ''''), w.locktype) as waits_for, w.mode, b.pid,'
           '       a.usename as role, a.application_name, host(a.client_addr) as client, a.state, a.backend_type,'
           '       coalesce(a.wait_event_type = ''Lock'', false) as waiting, a.xact_start, left(a.query, 300) as query'
           '  from pg_stat_activity as s'
           '  join pg_locks as w on w.pid = s.pid and not w.granted'
           ' cross join lateral unnest(pg_blocking_pids(s.pid)) as b (pid)'
           '  left join pg_stat_activity as a on a.pid = b.pid'
           ' where s.application_name = ''citus_internal gpid=%s'''
           ' order by waiting, a.xact_start, b.pid) as b', mine.number)) as a
    join pg_catalog.pg_dist_node as n on n.nodename = a.nodename and n.nodeport = a.nodeport
   where a.success
)
select b.waits_for, b.mode, null::text as lockable, b.pid, b.role, b.application_name, b.client, b.state, b.backend_type, b.waiting,
       b.xact_start, b.query, clock_timestamp() as now, asked.node,
       pg_catalog.citus_calculate_gpid(asked.nodeid, b.pid) as number
  from asked
 cross join lateral pg_catalog.json_to_recordset(asked.result::json)
         as b (waits_for text, mode text, pid integer, role text, application_name text, client text, state text,
               backend_type text, waiting boolean, xact_start timestamptz, query text);
