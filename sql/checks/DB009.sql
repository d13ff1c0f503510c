-- Which published functions may the application's roles not execute?
-- code: DB009
-- title: {count} grants on published functions are missing
-- title-one: {role} may not execute {object}
-- narrow: {count} grants on functions are missing
-- narrow-one: 1 grant on a function is missing
-- severity: warning
-- critical: nobody of that role can be given a chat any more
-- group: schema
-- expected: authenticated may assign and ask, service_role may do everything, where these roles exist
-- why: the function was dropped and made again, which loses its grants, or somebody revoked too much
-- consequence: the application gets "permission denied for function" and assigns or releases nothing
-- help-sql: grant execute on function {signature} to {role};
-- needs-table: chats
-- says: nobody answers; the deploy is not right
-- unplanted: it takes the roles of the hosting, which belong to the whole server
select r.rolname as role,
       p.proname as object,
       p.oid::regprocedure::text as signature,
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
 -- Roles belong to the whole server: one that may not even read chats is no role of this application.
 where (pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select') or pg_catalog.has_table_privilege(r.oid, c.oid, 'insert, update, delete'))
   and not pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
 order by critical desc, 1, 2
