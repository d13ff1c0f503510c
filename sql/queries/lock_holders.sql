-- Who keeps others from the tables of these schemas: sessions that hold a table in one of these modes, or wait to do so.
-- schema; modes: text[]; relation: only the tables of that name, null: all
select l.relation::regclass::text as waits_for, l.pid, a.usename::text as role, a.application_name, a.state,
       a.backend_type, a.xact_start, pg_catalog.left(a.query, 300) as query, l.granted, pg_catalog.clock_timestamp() as now
  from pg_locks as l
  join pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
  join pg_class as c on c.oid = l.relation and c.relkind in ('r', 'p')
  join pg_namespace as n on n.oid = c.relnamespace and n.nspname in (:'schema', 'chatops')
  left join pg_stat_activity as a on a.pid = l.pid
 where l.mode = any (:'modes'::text[]) and l.pid <> pg_catalog.pg_backend_pid()
   and (:'relation'::text is null or c.relname = :'relation'::text)
 order by l.granted desc, a.xact_start, l.pid, waits_for
