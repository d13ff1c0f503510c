-- Takes the migrators' lock until the end of the transaction, or fails at once with CHL01: nobody waits inside the server.
--
-- Without its schema a file would make its tables in pg_temp, the next one in the search_path, and they would be gone.
do $lock$
begin
  if :'schema_is_needed'::boolean and not exists (select from pg_namespace where nspname = :'target_schema') then
    raise exception 'schema % does not exist', :'target_schema' using errcode = 'invalid_schema_name';
  end if;
  if not pg_catalog.pg_try_advisory_xact_lock(:'lock_class'::integer, :'lock_object'::integer) then
    raise exception 'another migrator is at work' using errcode = 'CHL01';
  end if;
end
$lock$;
