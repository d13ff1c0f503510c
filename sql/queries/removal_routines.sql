-- The functions of some names in the schema of the chats, each as DROP names it, and who may call it but its owner.
select p.proname::text as name, pg_catalog.format('%I(%s)', p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as signature,
       p.oid::regprocedure::text as object, pg_catalog.pg_get_function_arguments(p.oid) as arguments,
       pg_catalog.pg_get_userbyid(p.proowner)::text as owner, pg_catalog.pg_get_functiondef(p.oid) as definition,
       pg_catalog.obj_description(p.oid, 'pg_proc') as comment,
       -- As the ledger keeps it: ledger_replaced.sql.
       (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                 'to', case when g.grantee <> 0::oid then pg_catalog.pg_get_userbyid(g.grantee) end,
                 'privilege', g.privilege_type, 'grantable', g.is_grantable))
          from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as g
         where g.grantee <> p.proowner) as grants,
       array(select distinct case when g.grantee <> 0::oid then pg_catalog.pg_get_userbyid(g.grantee)::text else '' end
               from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as g
              where g.grantee <> p.proowner) as granted_to
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
 where n.nspname = :'schema' and p.proname = any (:'names'::text[]) and p.prokind in ('f', 'p')
 order by 1, 2;
