-- Takes the triggers of a schema off its tables, and remembers them for the transaction: Citus distributes a table before what its
-- triggers call.
do $aside$
declare
  v_kept    jsonb;
  v_trigger record;
begin
  select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
           'table', c.relname, 'name', t.tgname, 'enabled', t.tgenabled, 'definition', pg_catalog.pg_get_triggerdef(t.oid))), '[]')
    into v_kept
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_class as c on c.oid = t.tgrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = current_schema()
   where not t.tgisinternal;
  perform pg_catalog.set_config('chatops.triggers', v_kept::text, true);
  for v_trigger in select * from pg_catalog.jsonb_to_recordset(v_kept) as kept ("table" name, name name) loop
    execute pg_catalog.format('drop trigger %I on %I', v_trigger.name, v_trigger."table");
  end loop;
end
$aside$;
