-- As which roles does the application come here, and may they be given a chat and write, as far as grants tell?
select r.rolname::text as role,
       pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage'::text) and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute'::text) as may_assign
  from pg_catalog.pg_roles r
  join pg_catalog.pg_namespace n on n.nspname = current_schema()
  join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = 'assign_chat_to_operator'
 where r.rolname in ('authenticated', 'service_role')
   -- Roles belong to the whole server: who is granted nothing here is another application's.
   and (exists (select from pg_catalog.aclexplode(n.nspacl) as a where a.grantee = r.oid)
        or exists (select from pg_catalog.pg_proc o cross join lateral pg_catalog.aclexplode(o.proacl) as a
                    where o.pronamespace = n.oid and a.grantee = r.oid and o.proname in ('assign_chat_to_operator', 'release_and_reassign_chat'))
        or exists (select from pg_catalog.pg_class c cross join lateral pg_catalog.aclexplode(c.relacl) as a
                    where c.relnamespace = n.oid and a.grantee = r.oid and c.relname in ('chats', 'messages', 'operators', 'chat_assignments')))
 order by r.rolname
