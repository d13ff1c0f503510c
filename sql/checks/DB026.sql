-- Which sessions on the workers of a Citus cluster block others on this schema's tables, or keep a transaction open on them?
-- code: DB026
-- title: {count} sessions on workers hold up the chat tables
-- title-one: 1 session on {node} holds up the chat tables: pid {pid}
-- severity: warning
-- critical: one session has locked all chats that wait, two or more: nobody is given any of them
-- group: now
-- expected: on no worker of a Citus cluster a session blocks others on this schema's tables, keeps waiting chats locked, or a transaction open
-- why: somebody works on the worker itself: a report, a backup, or a client that crashed
-- consequence: writes wait behind it, waiting chats that it has locked are passed over, and what waits is not seen on the coordinator
-- help-sql: select pg_terminate_backend({number});
-- needs-table: chats
-- says: everything is slow; nobody answers
-- limits: long_transaction_minutes, locked_rows_seconds
-- unplanted: it takes a Citus cluster
-- Sessions by which the coordinator works there are told on the coordinator (DB010). What Citus installs exists only with it, so it
-- is asked through the server's own reader of query texts.
\set told_by_shards `cat sql/queries/shared/told_by_shards.sql`
\set rows_locked_there `cat sql/checks/shared/rows_locked_there.sql`
with asked (text) as (:rows_locked_there), rows_told as materialized (:told_by_shards), rows_locked as materialized (
  select n.there, f.pid, f.waiting, f.waiting >= 2::bigint and f.waiting >= f.in_queue as all_of_it
    from rows_told
   cross join lateral xmltable('/table/row' passing rows_told.found columns result text path 'result', there integer path 'there') as n
   cross join lateral pg_catalog.json_to_recordset(n.result::json) as f (number bigint, pid integer, waiting bigint, in_queue bigint)
   where f.number is null and f.waiting > 0::bigint
), told as materialized (
  select pg_catalog.query_to_xml(pg_catalog.format(
           'select n.nodeid, w.nodename || '':'' || w.nodeport as node, w.result'
           '  from pg_catalog.run_command_on_workers(%L) as w'
           '  join pg_catalog.pg_dist_node as n on n.nodename = w.nodename and n.nodeport = w.nodeport'
           ' where w.success and w.result <> ''''', holders.asked), true, false, '') as found
    from (select pg_catalog.format(
            'select json_agg(f) from (select a.pid, a.usename as role, a.application_name as application, a.state,'
            ' round(extract(epoch from now() - a.xact_start)) as open_for, coalesce(b.sessions, 0) as blocks from pg_stat_activity as a'
            ' left join (select p.pid, count(*) as sessions from pg_stat_activity as s cross join lateral unnest(pg_blocking_pids(s.pid)) as p (pid)'
            ' where s.wait_event_type = ''Lock'' group by p.pid) as b on b.pid = a.pid'
            ' where a.datname = current_database() and a.pid <> pg_backend_pid() and a.application_name not like ''citus_internal%%'''
            ' and exists (select from pg_locks as l join pg_class as c on c.oid = l.relation join pg_namespace as n on n.oid = c.relnamespace'
            ' where l.pid = a.pid and l.granted and n.nspname = %L)) as f', current_schema()) as asked) as holders
   where exists (select from pg_catalog.pg_extension e where e.extname = 'citus')
)
select n.node, f.pid, f.role, f.application, f.state, pg_catalog.make_interval(secs => f.open_for) as open_for, f.blocks,
       case when r.all_of_it then 'all ' else '' end || r.waiting::text || case when r.waiting = 1::bigint then ' waiting chat' else ' waiting chats' end as locks,
       coalesce(r.waiting > 0::bigint, false) as felt, coalesce(r.all_of_it, false) as critical,
       n.nodeid::bigint * 10000000000 + f.pid as number
  from told
 cross join lateral xmltable('/table/row' passing told.found
                             columns nodeid integer path 'nodeid', node text path 'node', result text path 'result') as n
 cross join lateral pg_catalog.json_to_recordset(n.result::json)
         as f (pid integer, role text, application text, state text, open_for double precision, blocks bigint)
  left join rows_locked r on r.there = n.nodeid and r.pid = f.pid
 where f.blocks > 0
    or f.open_for > 60::double precision * :'long_transaction_minutes'::double precision
    or (r.waiting > 0::bigint and f.open_for > :'locked_rows_seconds'::double precision)
 order by critical desc, f.blocks desc, f.open_for desc
