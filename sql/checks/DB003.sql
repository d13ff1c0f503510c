-- Which tables, columns, indexes, constraints, functions and views of the applied files are missing?
-- code: DB003
-- invariant: I25
-- title: {count} objects of the applied migrations are missing
-- title-one: the {kind} {object} of migration {migration} is missing
-- severity: warning
-- group: schema
-- expected: the objects of every applied file exist
-- why: a file was applied in part by hand, or somebody dropped the object since
-- consequence: what relies on it fails, or goes over every row
-- help: status
-- says: the deploy is not right
-- 014 to 017 are what every deployment has; later files count where the ledger says that they are in.
select wanted.migration, wanted.kind, wanted.object
  from (values
    ('001', 'table', 'operators'), ('001', 'table', 'real_users'), ('001', 'table', 'fictional_users'),
    ('001', 'table', 'chats'), ('001', 'table', 'messages'), ('001', 'table', 'chat_assignments'),
    ('001', 'table', 'operator_activity'), ('001', 'table', 'platform_config'),
    ('001', 'column', 'operators.id'), ('001', 'column', 'operators.name'), ('001', 'column', 'operators.email'),
    ('001', 'column', 'operators.is_active'), ('001', 'column', 'operators.is_available'),
    ('001', 'column', 'operators.last_activity'), ('001', 'column', 'operators.total_messages'),
    ('001', 'column', 'real_users.id'), ('001', 'column', 'real_users.name'),
    ('001', 'column', 'fictional_users.id'), ('001', 'column', 'fictional_users.name'),
    ('001', 'column', 'chats.id'), ('001', 'column', 'chats.real_user_id'), ('001', 'column', 'chats.fictional_user_id'),
    ('001', 'column', 'chats.assigned_operator_id'), ('001', 'column', 'chats.assignment_time'),
    ('001', 'column', 'chats.last_message_at'), ('001', 'column', 'chats.message_count'),
    ('001', 'column', 'chats.is_active'), ('001', 'column', 'chats.created_at'), ('001', 'column', 'chats.updated_at'),
    ('001', 'column', 'messages.id'), ('001', 'column', 'messages.chat_id'), ('001', 'column', 'messages.sender_type'),
    ('001', 'column', 'messages.content'), ('001', 'column', 'messages.handled_by_operator_id'),
    ('001', 'column', 'messages.created_at'),
    ('001', 'column', 'chat_assignments.id'), ('001', 'column', 'chat_assignments.chat_id'),
    ('001', 'column', 'chat_assignments.operator_id'), ('001', 'column', 'chat_assignments.assigned_at'),
    ('001', 'column', 'chat_assignments.released_at'), ('001', 'column', 'chat_assignments.release_reason'),
    ('001', 'column', 'operator_activity.chat_id'), ('001', 'column', 'operator_activity.operator_id'),
    ('001', 'column', 'operator_activity.last_activity'),
    ('001', 'column', 'platform_config.key'), ('001', 'column', 'platform_config.value'),
    ('014', 'column', 'chats.chat_state'), ('014', 'column', 'chats.last_operator_id'),
    ('014', 'column', 'chats.operator_replied_at'),
    ('014', 'index', 'idx_chats_waiting_assignment'), ('014', 'index', 'idx_chats_last_operator'),
    ('014', 'index', 'idx_chats_operator_replied'),
    ('014', 'function', 'validate_chat_state_transition'),
    ('015', 'function', 'assign_chat_to_operator'), ('015', 'function', 'release_and_reassign_chat'),
    ('016', 'constraint', 'chats.chk_assigned_state_has_operator'),
    ('016', 'constraint', 'chats.chk_waiting_reply_has_timestamp'),
    ('016', 'view', 'chat_state_summary'),
    ('016', 'function', 'get_assignment_queue_status'), ('016', 'function', 'detect_stuck_chats'),
    ('017', 'function', 'should_keep_assignment')
  ) as wanted (migration, kind, object)
 where (wanted.migration <= '017'
        or exists (select 1 from unnest(:'applied'::text[]) as name where left(name, 3) = wanted.migration))
   and not case wanted.kind
     when 'table' then exists (
       select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = current_schema() and c.relname = wanted.object and c.relkind in ('r', 'p', 'f'))
     when 'view' then exists (
       select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = current_schema() and c.relname = wanted.object and c.relkind in ('v', 'm'))
     when 'index' then exists (
       select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = current_schema() and c.relname = wanted.object and c.relkind in ('i', 'I'))
     when 'function' then exists (
       select 1 from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = current_schema() and p.proname = wanted.object)
     when 'column' then exists (
       select 1 from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = current_schema() and c.relname = split_part(wanted.object, '.', 1)
          and a.attname = split_part(wanted.object, '.', 2) and a.attnum > 0 and not a.attisdropped)
     when 'trigger' then exists (
       select 1 from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = current_schema() and c.relname = split_part(wanted.object, '.', 1)
          and t.tgname = split_part(wanted.object, '.', 2))
     else exists (
       select 1 from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = current_schema() and c.relname = split_part(wanted.object, '.', 1)
          and k.conname = split_part(wanted.object, '.', 2))
   end
   -- A column or constraint of a table that is missing is said once, by the table.
   and (wanted.kind not in ('column', 'constraint', 'trigger') or exists (
         select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = current_schema() and c.relname = split_part(wanted.object, '.', 1)))
 order by wanted.migration, wanted.kind, wanted.object
