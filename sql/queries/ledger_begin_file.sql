-- Records a file before it runs.
insert into chatops.migrations (
  target_schema, source, name, number, kind, state, checksum, statements, steps_done, started_at,
  chatops_version, git_revision, waited_ms
) values (
  :'target_schema', :'source', :'name', :'number'::bigint, :'kind', :'state', :'checksum',
  :'statements'::jsonb,
  0, clock_timestamp(),
  :'chatops_version', :'git_revision', :'waited_ms'::double precision
)
on conflict (target_schema, source, name) do update
   set checksum = excluded.checksum, statements = excluded.statements, state = excluded.state, started_at = excluded.started_at,
       applied_at = null, steps_done = 0, rows_changed = null, applied_by = session_user, run_id = excluded.run_id,
       os_user = excluded.os_user, chatops_version = excluded.chatops_version, git_revision = excluded.git_revision,
       waited_ms = excluded.waited_ms;
