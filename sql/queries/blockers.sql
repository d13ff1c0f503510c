-- What the migrator of this schema waits for, and every session that keeps it from that; nothing while it does not wait.
select coalesce(w.relation::regclass::text, w.locktype) as waits_for, w.mode,
       b.pid, a.usename::text as role, a.application_name, host(a.client_addr) as client, a.state, a.backend_type,
       a.xact_start, left(a.query, 300) as query, clock_timestamp() as now
  from pg_locks as m
  join pg_database as d on d.oid = m.database and d.datname = current_database()
  join pg_locks as w on w.pid = m.pid and not w.granted
 cross join lateral unnest(pg_blocking_pids(m.pid)) as b (pid)
  left join pg_stat_activity as a on a.pid = b.pid
 where m.locktype = 'advisory' and m.granted
   and m.classid = :'lock_class'::bigint::oid and m.objid = :'lock_object'::bigint::oid and m.objsubid = 2
 order by a.xact_start, b.pid;
