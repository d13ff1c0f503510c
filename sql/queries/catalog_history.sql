-- The migrations that the Supabase CLI knows to be in: its version is the number of the file, its name the rest.
select to_jsonb(m) ->> 'version' as version, to_jsonb(m) ->> 'name' as name
  from supabase_migrations.schema_migrations as m
 order by 1;
