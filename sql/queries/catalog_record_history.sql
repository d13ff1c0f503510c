-- Tells the Supabase CLI that files are in, so that `supabase db push` does not run them again.
insert into supabase_migrations.schema_migrations (version, name, statements)
select f.version, f.name, f.statements
  from pg_catalog.jsonb_to_recordset(:'files'::jsonb) as f (version text, name text, statements text[])
on conflict (version) do nothing;
