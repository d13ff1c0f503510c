-- Whether the migrator of this schema has locked a row or written one: only then its transaction has an id.
select exists (
  select from pg_locks as m
    join pg_database as d on d.oid = m.database and d.datname = current_database()
    join pg_locks as x on x.pid = m.pid and x.locktype = 'transactionid' and x.granted and x.mode = 'ExclusiveLock'
   where m.locktype = 'advisory' and m.granted
     and m.classid = :'lock_class'::bigint::oid and m.objid = :'lock_object'::bigint::oid and m.objsubid = 2
) as holds;
