-- For how many milliseconds somebody has waited for the migrator of this schema, at the longest; nothing where nobody does.
--
-- Who has waited for others before counts from where the migrator's transaction began.
select 1000::numeric * pg_catalog.max(extract(epoch from clock_timestamp() - greatest(w.waitstart, a.xact_start))) as kept_ms
  from pg_locks as m
  join pg_database as d on d.oid = m.database and d.datname = current_database()
  join pg_stat_activity as a on a.pid = m.pid
  join pg_locks as w on not w.granted and w.pid <> m.pid and m.pid = any (pg_catalog.pg_blocking_pids(w.pid))
 where m.locktype = 'advisory' and m.granted
   and m.classid = :'lock_class'::bigint::oid and m.objid = :'lock_object'::bigint::oid and m.objsubid = 2;
