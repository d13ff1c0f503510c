-- Keeps that roles which write the chats could call what they were not granted, right before files took it from everybody: DB030
-- misses it until it is granted, or somebody says that it was meant so.
-- lost: role, call and alone of each, as JSON.
insert into chatops.settings as s (target_schema, key, value, reason)
select current_schema(), 'safety',
       pg_catalog.jsonb_object_agg(w.role || ' may execute ' || w.call, pg_catalog.jsonb_build_object(
         'table', 'chats', 'lasting', true, 'is', pg_catalog.jsonb_build_object('role', w.role), 'alone', w.alone,
         'sql', pg_catalog.format('grant execute on function %s to %I;', w.call, w.role))),
       'what protects and shapes the tables: DB030 tells what of it is gone or otherwise'
  from pg_catalog.jsonb_to_recordset(:'lost'::jsonb) as w (role text, call text, alone boolean)
having pg_catalog.count(*) > 0
on conflict (target_schema, key) do update
   set value = s.value || excluded.value,
       set_at = pg_catalog.clock_timestamp(), set_by = session_user
 where excluded.value || s.value is distinct from s.value
