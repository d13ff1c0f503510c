-- The role chatops_reader: reads the chat tables and what chatops remembers, and may do nothing else. Safe to run again.
-- It cannot log in: grant it to a login role (grant chatops_reader to somebody). Runs under the target schema's search_path.
do $reader$
declare
  v_schema constant text := current_schema();
  v_name   text;
  v_table  regclass;
begin
  if not exists (select from pg_roles where rolname = 'chatops_reader') then
    begin
      create role chatops_reader nologin;
    exception when duplicate_object or unique_violation then null;  -- somebody else has made it meanwhile
    end;
  end if;
  execute pg_catalog.format('grant usage on schema %I to chatops_reader', v_schema);
  foreach v_name in array array['operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                                'operator_activity', 'platform_config'] loop
    v_table := pg_catalog.to_regclass(pg_catalog.format('%I.%I', v_schema, v_name));
    continue when v_table is null;
    execute pg_catalog.format('grant select on %s to chatops_reader', v_table);
    -- Where row level security is on, one policy shows this role everything; the application's own policies stay as they are.
    if (select relrowsecurity from pg_class where oid = v_table)
       and not exists (select from pg_policy where polrelid = v_table and polname = 'chatops_reads') then
      execute pg_catalog.format('create policy chatops_reads on %s for select to chatops_reader using (true)', v_table);
    end if;
  end loop;
  foreach v_name in array array['chat_state_summary', 'chat_queue', 'stuck_chats', 'operator_load'] loop
    if pg_catalog.to_regclass(pg_catalog.format('%I.%I', v_schema, v_name)) is not null then
      execute pg_catalog.format('grant select on %I.%I to chatops_reader', v_schema, v_name);
    end if;
  end loop;
  for v_name in
    select p.oid::regprocedure::text from pg_proc p
      join pg_namespace n on n.oid = p.pronamespace and n.nspname = v_schema
     where p.proname in ('get_assignment_queue_status', 'detect_stuck_chats', 'should_keep_assignment', 'guards_are_on',
                         'explain_empty_queue', 'paused_until', 'policy_number', 'idle_timeout', 'own_chats_before')
  loop
    execute pg_catalog.format('grant execute on function %s to chatops_reader', v_name);
  end loop;
  foreach v_name in array array['refusals_late_reply', 'refusals_operator_busy'] loop
    if pg_catalog.to_regclass(pg_catalog.format('%I.%I', v_schema, v_name)) is not null then
      execute pg_catalog.format('grant select on sequence %I.%I to chatops_reader', v_schema, v_name);
    end if;
  end loop;
  if pg_catalog.to_regnamespace('chatops') is not null then
    grant usage on schema chatops to chatops_reader;
    grant select on all tables in schema chatops to chatops_reader;
    grant select on all sequences in schema chatops to chatops_reader;
  end if;
  begin
    -- Without it the server hides what other sessions do: who blocks, and standbys.
    grant pg_monitor to chatops_reader;
  exception when insufficient_privilege or invalid_grant_operation then
    raise notice 'pg_monitor could not be granted to chatops_reader: blockers and standbys stay unknown to it';
  end;
end
$reader$;
