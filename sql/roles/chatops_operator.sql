-- The role chatops_operator: reads, and moves, releases and repairs chats; appends to the log and cannot change it. Safe to run again.
-- It cannot log in: grant it to a login role. It may not change tables, functions or policies: migrating needs their owner.
-- needs: chatops_reader
do $operator$
declare
  v_schema constant text := current_schema();
  v_name   text;
  v_rights text;
  v_table  regclass;
begin
  if not exists (select from pg_roles where rolname = 'chatops_operator') then
    create role chatops_operator nologin;
  end if;
  if not pg_has_role('chatops_operator', 'chatops_reader', 'member') then
    grant chatops_reader to chatops_operator;
  end if;
  for v_name, v_rights in
    values ('chats', 'update'), ('chat_assignments', 'insert, update, delete'), ('operator_activity', 'insert, update, delete'),
           ('operators', 'update'), ('messages', 'update'), ('platform_config', 'insert, update')
  loop
    v_table := to_regclass(format('%I.%I', v_schema, v_name));
    continue when v_table is null;
    execute format('grant %s on %s to chatops_operator', v_rights, v_table);
    if (select relrowsecurity from pg_class where oid = v_table)
       and not exists (select from pg_policy where polrelid = v_table and polname = 'chatops_acts') then
      execute format('create policy chatops_acts on %s for all to chatops_operator using (true) with check (true)', v_table);
    end if;
  end loop;
  for v_name in
    select p.oid::regprocedure::text from pg_proc p
      join pg_namespace n on n.oid = p.pronamespace and n.nspname = v_schema
     where p.proname in ('release_chat', 'release_idle_chats', 'reassign_chat', 'close_chat', 'release_and_reassign_chat',
                         'reopen_chat', 'oldest_unanswered')
  loop
    execute format('grant execute on function %s to chatops_operator', v_name);
  end loop;
  if to_regnamespace('chatops') is not null then
    grant insert on chatops.actions, chatops.runs to chatops_operator;
    grant insert, update, delete on chatops.settings to chatops_operator;
  end if;
end
$operator$;
