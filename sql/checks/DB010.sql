-- Which sessions block others on the chat tables, or keep a transaction open on them?
-- code: DB010
-- title: {count} sessions or prepared transactions keep the chat tables locked; behind the worst, {holder}, wait {blocks}
-- title-one: {holder} keeps the chat tables locked; waiting behind it: {blocks}
-- narrow: {count} sessions keep the chat tables locked
-- narrow-one: 1 session keeps the chat tables locked
-- severity: warning
-- group: now
-- expected: no session blocks others on the chat tables, and no transaction stays open on them
-- why: a report, a migration or a crashed client left a transaction open, or prepared one and never finished it
-- consequence: writes wait behind it, and rows that were changed meanwhile cannot be cleaned up
-- help-sql: {remedy}
-- needs-table: chats
-- says: everything is slow; nobody answers
-- limits: long_transaction_minutes
-- needs-role: pg_read_all_stats
-- unplanted: it takes a session that stays open
-- limit: long_transaction_minutes = 5 min, 0.1 to 1000000: a transaction open for so long keeps rows from being cleaned up
select found.holder, found.pid, found.role, found.application, found.state, found.open_for, found.blocks, found.query, found.remedy
  from (
    select 'the session with pid ' || a.pid::text as holder, a.pid,
           a.usename as role,
           a.application_name as application,
           a.state,
           now() - a.xact_start as open_for,
           coalesce(waiting.sessions, 0) as blocks,
           -- Without literals: they may be what a user wrote.
           pg_catalog.left(pg_catalog.regexp_replace(a.query, '''[^'']*(''|$)', '''...''', 'g'), 60) as query,
           pg_catalog.format('select pg_terminate_backend(%s);', a.pid) as remedy
      from pg_stat_activity a
      left join (
        select blocker.pid, pg_catalog.count(*) as sessions
          from pg_stat_activity w
         cross join lateral pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) as blocker (pid)
         where w.wait_event_type = 'Lock' and w.datname = current_database()
         group by blocker.pid
      ) as waiting on waiting.pid = a.pid
     where a.datname = current_database()
       and a.pid <> pg_backend_pid()
       and a.backend_type = 'client backend'
       and exists (
         select 1 from pg_locks l
           join pg_class c on c.oid = l.relation
           join pg_namespace n on n.oid = c.relnamespace
          where l.pid = a.pid and l.granted and l.locktype = 'relation'
            and l.database = (select oid from pg_database where datname = current_database())
            and n.nspname = current_schema()
            and c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                              'operator_activity', 'platform_config'))
       and (waiting.sessions > 0
            -- Nobody can even read the table.
            or (a.xact_start < now() - interval '5 seconds'
                and exists (select 1 from pg_locks l
                              join pg_class c on c.oid = l.relation and c.relkind in ('r', 'p')
                              join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
                             where l.pid = a.pid and l.granted and l.mode = 'AccessExclusiveLock'
                               and l.database = (select oid from pg_database where datname = current_database())
                               and c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                                                 'operator_activity', 'platform_config')))
            or a.xact_start < now() - pg_catalog.make_interval(secs => 60::double precision * :'long_transaction_minutes'::double precision))
    union all
    -- It has no session, and outlives a restart; its blockers are told as pid 0.
    select 'the prepared transaction ' || x.gid, 0, x.owner, null, 'prepared', now() - x.prepared, held.sessions, null,
           pg_catalog.format('rollback prepared %L;', x.gid)
      from pg_prepared_xacts x
     cross join lateral (
       select pg_catalog.count(*) as sessions from pg_stat_activity w
        where w.wait_event_type = 'Lock' and w.datname = current_database() and 0 = any (pg_catalog.pg_blocking_pids(w.pid))
     ) as held
     where x.database = current_database()
       and (held.sessions > 0
            or x.prepared < now() - pg_catalog.make_interval(secs => 60::double precision * :'long_transaction_minutes'::double precision))
  ) as found
 order by found.blocks desc, found.open_for desc
