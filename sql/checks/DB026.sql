-- Which sessions on the workers of a Citus cluster block others on this schema's tables, or keep a transaction open on them?
-- code: DB026
-- title: {count} sessions on workers hold up the chat tables
-- title-one: 1 session on {node} holds up the chat tables: pid {pid}
-- severity: warning
-- group: now
-- expected: on no worker of a Citus cluster a session blocks others on this schema's tables, or keeps a transaction open on them
-- why: somebody works on the worker itself: a report, a backup, or a client that crashed
-- consequence: writes wait behind it, and what waits is not seen on the coordinator
-- help-sql: select pg_terminate_backend({number});
-- needs-table: chats
-- says: everything is slow; nobody answers
-- limits: long_transaction_minutes
-- unplanted: it takes a Citus cluster
-- Sessions by which the coordinator works there are told on the coordinator (DB010). What Citus installs exists only with it, so it
-- is asked through the server's own reader of query texts.
with told as materialized (
  select pg_catalog.query_to_xml(pg_catalog.format(
           'select n.nodeid, w.nodename || '':'' || w.nodeport as node, w.result'
           '  from pg_catalog.run_command_on_workers(%L) as w'
           '  join pg_catalog.pg_dist_node as n on n.nodename = w.nodename and n.nodeport = w.nodeport'
           ' where w.success and w.result <> ''''', asked.text), true, false, '') as found
    from (select pg_catalog.format(
            'select json_agg(f) from (select a.pid, a.usename as role, a.application_name as application, a.state,'
            ' round(extract(epoch from now() - a.xact_start)) as open_for, coalesce(b.sessions, 0) as blocks from pg_stat_activity as a'
            ' left join (select p.pid, count(*) as sessions from pg_stat_activity as s cross join lateral unnest(pg_blocking_pids(s.pid)) as p (pid)'
            ' where s.wait_event_type = ''Lock'' group by p.pid) as b on b.pid = a.pid'
            ' where a.datname = current_database() and a.pid <> pg_backend_pid() and a.application_name not like ''citus_internal%%'''
            ' and exists (select from pg_locks as l join pg_class as c on c.oid = l.relation join pg_namespace as n on n.oid = c.relnamespace'
            ' where l.pid = a.pid and l.granted and n.nspname = %L)'
            ' and (b.sessions > 0 or a.xact_start < now() - make_interval(secs => 60 * %L::double precision))) as f',
            current_schema(), :'long_transaction_minutes') as text) as asked
   where exists (select from pg_catalog.pg_extension e where e.extname = 'citus')
)
select n.node, f.pid, f.role, f.application, f.state, pg_catalog.make_interval(secs => f.open_for) as open_for, f.blocks,
       n.nodeid::bigint * 10000000000 + f.pid as number
  from told
 cross join lateral xmltable('/table/row' passing told.found
                             columns nodeid integer path 'nodeid', node text path 'node', result text path 'result') as n
 cross join lateral pg_catalog.json_to_recordset(n.result::json)
         as f (pid integer, role text, application text, state text, open_for double precision, blocks bigint)
 order by f.blocks desc, f.open_for desc
