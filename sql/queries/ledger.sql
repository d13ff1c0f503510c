-- What the migration ledger knows about a schema: one row per file of any source, sql/views included.
select source, name, number, kind, state, checksum, statements::text as statements, steps_done, started_at,
       applied_at, duration_ms, applied_by, chatops_version
  from chatops.migrations
 where target_schema = :'target_schema'
 order by source, number, name;
