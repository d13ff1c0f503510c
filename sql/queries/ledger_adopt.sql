-- Records files as being in the database although chatops did not apply them.
insert into chatops.migrations (
  target_schema, source, name, number, kind, state, checksum, statements, started_at, applied_at, chatops_version, git_revision
)
select :'target_schema', :'source', f.name, f.number, 'versioned', 'adopted', f.checksum, f.statements, clock_timestamp(),
       clock_timestamp(), :'chatops_version', nullif(:'git_revision', '')
  from pg_catalog.jsonb_to_recordset(:'files'::jsonb) as f (name text, number bigint, checksum text, statements jsonb)
on conflict (target_schema, source, name) do nothing;
