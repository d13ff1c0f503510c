-- The role chatops_operator: reads, and moves, releases and repairs chats; appends to the log and cannot change it. Safe to run again.
-- It cannot log in: grant it to a login role. It may not change tables, functions or policies: migrating needs their owner. It may
-- write what a command writes: no message, no name or e-mail of anybody, and in the log neither who, when nor the number of a row.
-- needs: chatops_reader
do $operator$
declare
  v_schema  constant text := current_schema();
  v_name    text;
  v_rights  text;
  v_columns text;
  v_table   regclass;
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'chatops_operator') then
    begin
      create role chatops_operator nologin;
    exception when duplicate_object or unique_violation then null;  -- somebody else has made it meanwhile
    end;
  end if;
  if not pg_catalog.pg_has_role('chatops_operator'::name, 'chatops_reader'::name, 'member'::text) then
    grant chatops_reader to chatops_operator;
  end if;
  for v_name, v_rights, v_columns in
    values ('chats', 'update', 'chat_state is_active assigned_operator_id assignment_time last_operator_id operator_replied_at '
                               'last_message_at message_count updated_at waiting_since state_since epoch releases_without_reply '
                               'closed_reason'),
           ('operators', 'update', 'is_available last_activity total_messages'),
           ('messages', null, null),
           ('chat_assignments', 'insert, update, delete', null),
           ('operator_activity', 'insert, update, delete', null),
           ('platform_config', 'insert, update', null)
  loop
    v_table := pg_catalog.to_regclass(pg_catalog.quote_ident(v_schema) || '.' || pg_catalog.quote_ident(v_name));
    continue when v_table is null;
    -- What an earlier text of this file gave, too.
    execute 'revoke insert, update, delete on ' || v_table::text || ' from chatops_operator cascade';
    continue when v_rights is null;
    if v_columns is null then
      execute 'grant ' || v_rights || ' on ' || v_table::text || ' to chatops_operator';
    else
      select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname::text), ', '::text) into v_columns
        from pg_catalog.pg_attribute as a
       where a.attrelid = v_table and a.attnum > 0 and not a.attisdropped
         and a.attname = any (pg_catalog.string_to_array(v_columns, ' '::text)::name[]);
      execute 'grant ' || v_rights || ' (' || v_columns || ') on ' || v_table::text || ' to chatops_operator';
    end if;
    -- Who may let others write it bears the mark of our writes: what a command writes is not taken for the application's.
    if v_name = 'chats' and exists (select from pg_catalog.pg_attribute as a
                                     where a.attrelid = v_table and a.attname = 'epoch' and not a.attisdropped) then
      execute 'grant update (epoch) on ' || v_table::text || ' to chatops_operator with grant option';
    elsif v_name = 'operators' then
      execute 'grant update (total_messages) on ' || v_table::text || ' to chatops_operator with grant option';
    end if;
    if (select relrowsecurity from pg_catalog.pg_class where oid = v_table)
       and not exists (select from pg_catalog.pg_policy where polrelid = v_table and polname = 'chatops_acts') then
      execute 'create policy chatops_acts on ' || v_table::text || ' for all to chatops_operator using (true) with check (true)';
    end if;
  end loop;
  for v_name in
    select p.oid::regprocedure::text
      from pg_catalog.pg_proc as p
      join pg_catalog.pg_namespace as n on n.oid = p.pronamespace and n.nspname = v_schema
     where p.proname in ('release_chat', 'release_idle_chats', 'reassign_chat', 'close_chat', 'reopen_chat',
                         'release_and_reassign_chat', 'oldest_unanswered')
  loop
    execute 'grant execute on function ' || v_name || ' to chatops_operator';
  end loop;
  if exists (select from pg_catalog.pg_namespace where nspname = 'chatops') then
    revoke insert on chatops.actions, chatops.runs from chatops_operator;
    grant insert (target_schema, plan_id, command, action, code, chat_id, operator_id, row_id, before, after, outcome, detail, reason,
                  undoes) on chatops.actions to chatops_operator;
    grant insert (id, command, chatops_version) on chatops.runs to chatops_operator;
    grant insert, update, delete on chatops.settings to chatops_operator;
  end if;
end
$operator$;
