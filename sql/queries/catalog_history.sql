-- The migrations that the Supabase CLI knows to be in: its version is the number of the file, its name the rest.
select pg_catalog.to_jsonb(m) ->> 'version'::text as version, pg_catalog.to_jsonb(m) ->> 'name'::text as name
  from supabase_migrations.schema_migrations as m
 order by 1;
