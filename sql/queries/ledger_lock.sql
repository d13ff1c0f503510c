-- Takes the migrators' lock until the end of the transaction, or fails at once with CHL01: nobody waits inside the server.
--
-- Without its schema, or in one that the role may not use, a file would make its objects in pg_temp, the next one in the
-- search_path, and they would be gone.
do $lock$
declare
  v_usable boolean;
begin
  if :'schema_is_needed'::boolean then
    select pg_catalog.has_schema_privilege(n.oid, 'usage') into v_usable from pg_namespace as n where n.nspname = :'target_schema';
    if v_usable is null then
      raise exception 'schema % does not exist', :'target_schema' using errcode = 'invalid_schema_name';
    elsif not v_usable then
      raise exception 'permission denied for schema %', :'target_schema' using errcode = 'insufficient_privilege';
    end if;
  end if;
  if not pg_catalog.pg_try_advisory_xact_lock(:'lock_class'::integer, :'lock_object'::integer) then
    raise exception 'another migrator is at work' using errcode = 'CHL01';
  end if;
end
$lock$;
