-- Until when assign gives nobody a chat, as `chatops pause` has said; null while the queue is open, and where that cannot be read.
--
-- The views of this folder ask it: if they read schema chatops themselves, `pg_dump -n` of the tenant's schema would bring none of
-- them back. Who may not read the settings asks paused_until(), which reads as the tables' owner; who may do neither gets null.
create or replace function queue_paused_until() returns timestamptz
language plpgsql
stable
parallel safe
set search_path from current
as $function$
declare
  v_settings oid;
  v_asked    record;
begin
  select c.oid into v_settings
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'chatops'
   where c.relname = 'settings'
     and (select pg_catalog.count(*) from pg_catalog.pg_attribute as a
           where a.attrelid = c.oid and not a.attisdropped and a.attname in ('target_schema', 'key', 'until')) = 3::bigint;
  -- Before paused_until() is there, assign does not obey a pause.
  select p.oid, p.proowner into v_asked
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace and n.nspname = current_schema()
   where p.proname = 'paused_until' and p.pronargs = 0::smallint;
  if v_settings is null or v_asked.oid is null then
    return null;
  end if;
  if pg_catalog.has_schema_privilege('chatops'::text, 'usage'::text) and pg_catalog.has_table_privilege(v_settings, 'select'::text) then
    return (select s.until from chatops.settings as s
             where s.target_schema = current_schema()::text collate pg_catalog."default" and s.key = 'pause' and s.until > clock_timestamp());
  end if;
  if pg_catalog.has_function_privilege(v_asked.oid, 'execute'::text)
     and pg_catalog.has_schema_privilege(v_asked.proowner, 'chatops'::text, 'usage'::text)
     and pg_catalog.has_table_privilege(v_asked.proowner, v_settings, 'select'::text) then
    return paused_until();
  end if;
  return null;
end
$function$;

-- Whoever reads a view calls it, also where new functions are closed by default; it reads what its caller may.
grant execute on function queue_paused_until() to public;

comment on function queue_paused_until() is
  'Until when assign gives nobody a chat; null while the queue is open, and for whoever may not know.';
