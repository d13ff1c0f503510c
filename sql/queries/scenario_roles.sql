-- As which roles does the application come here, and may they be given a chat, write, reply and release, as far as grants tell?
-- named: a role of the hosting, of which each has to be given chats. comes: it is granted more than a migration grants by itself.
-- lets: the statement that lets who logged in here become it, and back: what takes that away again. lends: by what who logged in
-- here may run it ('' where only somebody else may). assign, message, reply, release: the ways in which its grants let it.
with ours as materialized (
  select p.oid, p.proname::text as name, p.prosecdef, p.proacl, p.proowner
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace and n.nspname = current_schema()
   where p.proname in ('assign_chat_to_operator', 'release_and_reassign_chat', 'user_message', 'operator_reply', 'operator_heartbeat', 'release_chat',
                       'release_idle_chats', 'reassign_chat', 'close_chat', 'reopen_chat')
), tables as materialized (
  select c.oid, c.relname::text as name, c.relacl, c.relowner
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where c.relname in ('chats', 'messages', 'operators', 'chat_assignments') and c.relkind in ('r', 'p')
), granted as materialized (
  select a.grantee, o.name not in ('assign_chat_to_operator', 'release_and_reassign_chat') as of_its_own
    from ours o cross join lateral pg_catalog.aclexplode(o.proacl) as a where a.grantee <> o.proowner
  union all
  select a.grantee, t.name in ('chats', 'messages') and a.privilege_type in ('INSERT', 'UPDATE')
    from tables t cross join lateral pg_catalog.aclexplode(t.relacl) as a where a.grantee <> t.relowner
), roles as materialized (
  select r.oid, r.rolname::text as role, r.rolname in ('authenticated', 'service_role') as named,
         coalesce((select pg_catalog.bool_or(g.of_its_own) from granted g where g.grantee = r.oid), false) as comes
    from pg_catalog.pg_roles r
   where not r.rolsuper and r.rolname::text !~ '^pg_' and r.rolname <> 'anon'
     and not exists (select from tables t where t.relowner = r.oid)
     -- Roles belong to the whole server: who is granted nothing here is another application's.
     and ((r.rolname in ('authenticated', 'service_role')
           and (exists (select from granted g where g.grantee = r.oid)
                or exists (select from pg_catalog.pg_namespace n cross join lateral pg_catalog.aclexplode(n.nspacl) as a
                            where n.nspname = current_schema() and a.grantee = r.oid)))
          or exists (select from granted g where g.grantee = r.oid and g.of_its_own))
)
select r.role, r.named, r.comes, s.enters,
       -- No more than that, where the server can tell it apart; what was there before is left as it was.
       case when f.old then pg_catalog.format('grant %I to %I;', r.role, session_user)
            else pg_catalog.format('grant %I to %I with %sset true;', r.role, session_user, case when f.member then '' else 'inherit false, ' end) end as lets,
       case when f.member and not f.old then pg_catalog.format('revoke set option for %I from %I;', r.role, session_user)
            else pg_catalog.format('revoke %I from %I;', r.role, session_user) end as back,
       case when pg_catalog.pg_has_role(session_user, r.oid, 'member with admin option'::text) then 'its admin option'
            when f.old and f.makes_roles then 'CREATEROLE' else '' end as lends,
       case when s.enters then array(select o.name || '()' from ours o where o.name = 'assign_chat_to_operator'
                                        and pg_catalog.has_function_privilege(r.oid, o.oid, 'execute'::text)) else '{}' end as assign,
       case when s.enters then pg_catalog.array_cat(array(select o.name || '()' from ours o where o.name = 'user_message' and o.prosecdef
                                        and pg_catalog.has_function_privilege(r.oid, o.oid, 'execute'::text)),
                 case when s.writes then array['INSERT into messages'] else '{}' end) else '{}' end as message,
       case when s.enters then pg_catalog.array_cat(array(select o.name || '()' from ours o where o.name = 'operator_reply' and o.prosecdef
                                        and pg_catalog.has_function_privilege(r.oid, o.oid, 'execute'::text)),
                 case when s.writes then array['INSERT into messages'] else '{}' end) else '{}' end as reply,
       case when s.enters then pg_catalog.array_cat(array(select o.name || '()' from ours o where o.name in ('release_chat', 'release_and_reassign_chat')
                                        and pg_catalog.has_function_privilege(r.oid, o.oid, 'execute'::text) order by o.name desc),
                 case when s.changes then array['UPDATE of chats'] else '{}' end) else '{}' end as release
  from roles r
 cross join lateral (
   select pg_catalog.pg_has_role(session_user, r.oid, 'member'::text) as member,
          pg_catalog.current_setting('server_version_num'::text)::integer < 160000 as old,
          (select u.rolcreaterole from pg_catalog.pg_roles u where u.rolname = session_user) as makes_roles
 ) as f
 cross join lateral (
   select pg_catalog.has_schema_privilege(r.oid, (select n.oid from pg_catalog.pg_namespace n where n.nspname = current_schema()), 'usage'::text) as enters,
          coalesce((select pg_catalog.bool_and(case t.name when 'messages' then pg_catalog.has_any_column_privilege(r.oid, t.oid, 'insert'::text)
                                                           else pg_catalog.has_any_column_privilege(r.oid, t.oid, 'update'::text) end)
                      from tables t where t.name in ('chats', 'messages')), false) as writes,
          coalesce((select pg_catalog.bool_and(pg_catalog.has_any_column_privilege(r.oid, t.oid, 'update'::text)) from tables t where t.name = 'chats'), false) as changes
 ) as s
 where exists (select from ours o where o.name = 'assign_chat_to_operator')
 order by r.role
