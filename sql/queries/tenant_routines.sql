-- The functions of a schema as they are: name with arguments, definition, and the body in it.
select p.proname::text || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' as name,
       pg_catalog.pg_get_functiondef(p.oid) as definition, p.prosrc as body
  from pg_catalog.pg_proc as p
  join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
 where n.nspname = :'schema' and p.prokind in ('f', 'p')
   and not exists (select from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')
 order by 1
