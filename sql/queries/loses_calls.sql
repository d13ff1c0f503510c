-- Who calls these functions only because everybody may, and works on the chats?
-- functions: signatures; those that are not there are passed over
select pg_catalog.quote_ident(r.rolname) as role, pg_catalog.array_agg(p.oid::regprocedure::text order by p.proname) as functions
  from pg_catalog.unnest(:'functions'::text[]) as f (signature)
  join pg_proc p on p.oid = pg_catalog.to_regprocedure(f.signature)::oid
  join pg_roles r on r.rolcanlogin and not r.rolsuper and r.rolname not in ('anon', 'authenticated', 'service_role')
 where not pg_catalog.pg_has_role(r.oid, p.proowner, 'usage')
   and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
   and not exists (
     select from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f'::"char", p.proowner))) as a
      where a.privilege_type = 'EXECUTE' and a.grantee <> 0::oid and pg_catalog.pg_has_role(r.oid, a.grantee, 'usage'))
   -- By a grant of its own or its group's: who may read or write all data works on nothing in particular.
   and exists (
     select from pg_class c
       join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
      cross join lateral pg_catalog.aclexplode(c.relacl) as g
      where c.relname in ('chats', 'messages') and g.grantee <> 0::oid and pg_catalog.pg_has_role(r.oid, g.grantee, 'usage'))
 group by r.rolname
 order by r.rolname
