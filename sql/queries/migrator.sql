-- Who holds the migrators' lock of this database: at most one session.
select a.pid, a.usename::text as role, a.application_name, pg_catalog.host(a.client_addr) as client, a.state,
       a.backend_start, a.xact_start, extract(epoch from clock_timestamp() - a.state_change)::float8 as seconds_in_state
  from pg_locks as l
  join pg_database as d on d.oid = l.database and d.datname = current_database()
  join pg_stat_activity as a on a.pid = l.pid
 where l.locktype = 'advisory' and l.granted
   and l.classid = :'lock_class'::bigint::oid and l.objid = :'lock_object'::bigint::oid and l.objsubid = 2
   and l.pid <> pg_backend_pid();
