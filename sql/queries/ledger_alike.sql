-- What the ledger knows about many schemas at once: a row for each file as it stands, with the schemas in which it stands so.
select pg_catalog.array_agg(target_schema order by target_schema) as schemas, source, name, number, kind, state, checksum,
       statements::text as statements, steps_done, pg_catalog.min(started_at) as started_at,
       pg_catalog.min(applied_at) as applied_at, null::double precision as duration_ms, applied_by, chatops_version
  from chatops.migrations
 where target_schema = any (:'schemas'::text[])
 group by source, name, number, kind, state, checksum, statements, steps_done, applied_by, chatops_version
 order by source, number, name;
