-- Keeps how the functions of this schema are when their files are taken over as they stand: DB034 tells what is otherwise later.
insert into chatops.settings as s (target_schema, key, value, reason)
select current_schema(), 'functions',
       pg_catalog.jsonb_object_agg(p.oid::regprocedure::text, pg_catalog.md5(pg_catalog.replace(p.prosrc, E'\r\n', E'\n'))),
       'the functions of adopted files: DB034 tells which do something else since'
  from pg_catalog.pg_namespace as n
  join pg_catalog.pg_proc as p on p.pronamespace = n.oid
 where n.nspname = current_schema() and p.prokind = 'f'
   and not exists (select from pg_catalog.pg_depend as e where e.classid = 'pg_proc'::regclass::oid and e.objid = p.oid and e.deptype = 'e')
having pg_catalog.count(*) > 0
on conflict (target_schema, key) do update
   set value = excluded.value, set_at = pg_catalog.clock_timestamp(), set_by = session_user
 where excluded.value is distinct from s.value
