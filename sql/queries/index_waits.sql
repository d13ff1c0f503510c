-- The transactions of this database that are open now: an index that is built concurrently waits until they have ended.
select a.pid, a.usename::text as role, a.application_name, pg_catalog.host(a.client_addr) as client, a.state, a.backend_type,
       a.xact_start, pg_catalog.left(a.query, 300) as query, 'older transactions'::text as waits_for, 'share'::text as mode, null as lockable,
       coalesce(a.wait_event_type = 'Lock', false) as waiting,
       clock_timestamp() as now
  from pg_stat_activity as a
 where a.datname = current_database()
   and a.pid <> pg_backend_pid()
   and a.xact_start < clock_timestamp() - interval '1 second'
   and a.backend_type = 'client backend'
 order by a.xact_start;
