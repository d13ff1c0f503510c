-- Which published functions may the application's roles not execute?
-- code: DB009
-- title: {count} published functions may not be executed by the application's roles
-- title-one: {role} may not execute {object}
-- narrow: {count} functions lack grants
-- narrow-one: 1 function lacks a grant
-- severity: warning
-- critical: nobody of these roles can be given a chat any more
-- group: schema
-- expected: authenticated may assign and ask, service_role may do everything, where these roles exist
-- why: the function was dropped and made again, which loses its grants, or somebody revoked too much
-- consequence: the application gets "permission denied for function" and assigns or releases nothing
-- help-sql: {remedy}
-- needs-table: chats
-- says: nobody answers; the deploy is not right
-- unplanted: it takes the roles of the hosting, which belong to the whole server
-- Roles belong to the whole server: one that is granted nothing here, neither the schema nor a table nor a function of the chats,
-- is no role of this application. Of other roles DB030 remembers what they were granted.
select pg_catalog.string_agg(r.rolname::text, ' and ' order by r.rolname) as role,
       p.oid::regprocedure::text as object,
       'the application gets "permission denied for function": '
       || case p.proname when 'assign_chat_to_operator' then 'no operator who presses Next is given a chat'
               when 'release_and_reassign_chat' then 'no chat is released, so idle operators keep theirs'
               when 'should_keep_assignment' then 'it cannot ask whether a chat stays with its operator'
               else 'its monitoring shows nothing' end as so,
       pg_catalog.format('grant execute on function %s to %s;', p.oid::regprocedure, pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ' order by r.rolname)) as remedy,
       p.proname = 'assign_chat_to_operator' as critical
  from (values ('authenticated', 'assign_chat_to_operator'),
               ('service_role', 'assign_chat_to_operator'),
               ('service_role', 'release_and_reassign_chat'),
               ('service_role', 'get_assignment_queue_status'),
               ('service_role', 'detect_stuck_chats'),
               ('service_role', 'should_keep_assignment')) as wanted (role, object)
  join pg_roles r on r.rolname = wanted.role
  join pg_namespace n on n.nspname = current_schema()
  join pg_class c on c.relnamespace = n.oid and c.relname = 'chats'
  join pg_proc p on p.pronamespace = n.oid and p.proname = wanted.object
 where not pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
   and (pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select') or pg_catalog.has_table_privilege(r.oid, c.oid, 'insert, update, delete')
        or exists (select from pg_catalog.aclexplode(n.nspacl) as a where a.grantee = r.oid)
        or exists (select from pg_proc o cross join lateral pg_catalog.aclexplode(o.proacl) as a
                    where o.pronamespace = n.oid and a.grantee = r.oid
                      and o.proname in ('assign_chat_to_operator', 'release_and_reassign_chat', 'get_assignment_queue_status', 'detect_stuck_chats',
                                        'should_keep_assignment'))
        or exists (select from pg_class o cross join lateral pg_catalog.aclexplode(o.relacl) as a
                    where o.relnamespace = n.oid and a.grantee = r.oid
                      and o.relname in ('operators', 'real_users', 'fictional_users', 'messages', 'chat_assignments', 'operator_activity', 'platform_config',
                                        'chat_state_summary', 'chat_queue', 'stuck_chats', 'operator_load')))
 group by p.oid, p.proname
 order by critical desc, 2
