-- How far the index is that the migrator of this schema builds.
select p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total, p.lockers_done, p.lockers_total,
       p.relid::regclass::text as relation
  from pg_stat_progress_create_index as p
  join pg_locks as m on m.pid = p.pid
 where m.locktype = 'advisory' and m.granted
   and m.classid = :'lock_class'::bigint::oid and m.objid = :'lock_object'::bigint::oid and m.objsubid = 2
   and p.datname = current_database();
