-- Who may call the published functions, and where these look for their tables.
-- effect: release is server-only; operators assign only to themselves

-- Roles of the hosting that are not there are passed over. What somebody has closed by hand stays closed, and functions
-- that policies call (is_admin, is_operator, ...) are not touched.
do $privileges$
declare
  v_function      regprocedure;
  v_role          text;
  v_authenticated boolean;
begin
  v_authenticated := exists (select from pg_catalog.pg_roles where rolname = 'authenticated');
  if v_authenticated then
    v_authenticated := pg_catalog.has_function_privilege('authenticated'::name, 'assign_chat_to_operator(uuid)'::text, 'execute'::text);
  end if;

  for v_role in
    select 'public' union all
    select pg_catalog.quote_ident(rolname::text) from pg_catalog.pg_roles where rolname in ('anon', 'authenticated')
  loop
    execute 'revoke execute on function assign_chat_to_operator(uuid), release_and_reassign_chat(uuid, text) from ' || v_role;
  end loop;
  if v_authenticated then
    -- It refuses whose account is not that operator's.
    grant execute on function assign_chat_to_operator(uuid) to authenticated;
  end if;
  if exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
    grant execute on function assign_chat_to_operator(uuid), release_and_reassign_chat(uuid, text) to service_role;
  end if;

  -- The deployed text of these was created without a path: whoever calls them chooses the tables that they read.
  for v_function in
    select p.oid::regprocedure
      from pg_catalog.pg_proc as p
      join pg_catalog.pg_namespace as n on n.oid = p.pronamespace and n.nspname = current_schema()
     where p.proname in ('assign_chat_to_operator', 'release_and_reassign_chat', 'should_keep_assignment',
                         'get_assignment_queue_status', 'detect_stuck_chats', 'validate_chat_state_transition')
       and not exists (select from pg_catalog.unnest(p.proconfig) as setting where setting like 'search_path=%')
  loop
    execute 'alter function ' || v_function::text || ' set search_path from current';
  end loop;
end
$privileges$;
