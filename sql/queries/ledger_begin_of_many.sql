-- Takes the migrators' lock, and records a run and a file of which nothing is known: one statement where many files go together.
-- Without the lock, or in a schema that the role may not use, the row has no schema and is refused; so is a file that is known already.
-- Why it was refused is told to whoever then sends the file by itself.
with run as (
  insert into chatops.runs (id, command, chatops_version)
  select :'run_id'::uuid, :'command', :'chatops_version' where not :'run_known'::boolean
  on conflict (id) do nothing
)
insert into chatops.migrations (
  target_schema, source, name, number, kind, state, checksum, statements, steps_done, started_at,
  chatops_version, git_revision, waited_ms
) values (
  case when (not :'schema_is_needed'::boolean or pg_catalog.has_schema_privilege(:'target_schema'::text, 'usage'::text))
        and pg_catalog.pg_try_advisory_xact_lock(:'lock_class'::integer, :'lock_object'::integer) then :'target_schema'::text end,
  :'source', :'name', :'number'::bigint, 'versioned', 'applied', :'checksum', :'statements'::jsonb, 0, clock_timestamp(),
  :'chatops_version', :'git_revision', 0::double precision
);
