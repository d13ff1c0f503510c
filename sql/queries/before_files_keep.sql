-- Keeps what was wrong in a schema right before files went in; the newest look alone.
insert into chatops.settings as s (target_schema, key, value, reason)
select :'schema'::text, 'before_files', :'value'::jsonb,
       'what was wrong right before the newest files: verify tells what came with them'
on conflict (target_schema, key) do update
   set value = excluded.value, set_at = pg_catalog.clock_timestamp(), set_by = session_user
 where excluded.value is distinct from s.value
