-- Gives every node of a Citus cluster the functions of a schema that has just been distributed, and its tables the triggers that
-- were set aside.
do $back$
declare
  v_definition text;
  v_trigger    record;
begin
  for v_definition in
    select pg_catalog.pg_get_functiondef(p.oid)
      from pg_catalog.pg_proc as p
      join pg_catalog.pg_namespace as n on n.oid = p.pronamespace and n.nspname = current_schema()
     where p.prokind in ('f', 'p')
       and not exists (select from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')
     order by p.oid
  loop
    execute v_definition;
  end loop;
  for v_trigger in
    select * from pg_catalog.jsonb_to_recordset(pg_catalog.current_setting('chatops.triggers')::jsonb)
                    as kept ("table" name, name name, enabled text, definition text)
     -- Ours that follow a TRUNCATE are in no file of a tenant: a truncated shard calls none.
     where not (kept.name like 'chatops\_%' and kept.definition like '% AFTER TRUNCATE ON %')
  loop
    execute v_trigger.definition;
    if v_trigger.enabled <> 'O' then
      execute pg_catalog.format('alter table %I %s trigger %I', v_trigger."table",
        case v_trigger.enabled when 'D' then 'disable' when 'A' then 'enable always' else 'enable replica' end, v_trigger.name);
    end if;
  end loop;
end
$back$;
