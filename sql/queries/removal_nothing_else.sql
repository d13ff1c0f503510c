-- Stops where schema chatops holds what chatops did not make, before it is dropped with what the nodes of a Citus cluster have in it.
do $nothing_else$
begin
  if exists (select from pg_catalog.pg_depend as d
              where d.refclassid = 'pg_catalog.pg_namespace'::regclass::oid and d.refobjid = 'chatops'::regnamespace::oid
                and d.deptype = 'n') then
    raise exception 'cannot drop schema chatops because other objects depend on it'
      using errcode = 'dependent_objects_still_exist';
  end if;
end
$nothing_else$;
