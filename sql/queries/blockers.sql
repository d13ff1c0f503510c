-- What the migrator of this schema waits for, and every session that keeps it from that; nothing while it does not wait.
--
-- Those that wait themselves come last: they are held up, often by the migrator. `lockable` is the table's full name.
select coalesce(w.relation::regclass::text, w.locktype) as waits_for, w.mode,
       case when c.relkind in ('r', 'p') then pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) end as lockable,
       b.pid, a.usename::text as role, a.application_name, pg_catalog.host(a.client_addr) as client, a.state, a.backend_type,
       coalesce(a.wait_event_type = 'Lock', false) as waiting,
       a.xact_start, pg_catalog.left(a.query, 300) as query, clock_timestamp() as now
  from pg_locks as m
  join pg_database as d on d.oid = m.database and d.datname = current_database()
  join pg_locks as w on w.pid = m.pid and not w.granted
  left join pg_class as c on c.oid = w.relation
  left join pg_namespace as n on n.oid = c.relnamespace
 cross join lateral pg_catalog.unnest(pg_catalog.pg_blocking_pids(m.pid)) as b (pid)
  left join pg_stat_activity as a on a.pid = b.pid
 where m.locktype = 'advisory' and m.granted
   and m.classid = :'lock_class'::bigint::oid and m.objid = :'lock_object'::bigint::oid and m.objsubid = 2
 order by waiting, a.xact_start, b.pid;
