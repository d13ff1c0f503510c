-- Which tables, columns, indexes, constraints, sequences, functions and views of the applied files are missing?
-- code: DB003
-- invariant: I25
-- title: {count} objects of the applied migrations are missing
-- title-one: the {kind} {object} of migration {migration} is missing
-- severity: warning
-- group: schema
-- expected: the objects of every applied file exist
-- why: a file was applied in part by hand, or somebody dropped the object since
-- consequence: what relies on it fails, or goes over every row
-- help-text: run the text of that migration again: 014 to 017 make only what
--   is missing; for an index of a later file, copy its statement
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
    ('017', 'function', 'should_keep_assignment'),
    ('018', 'column', 'chats.waiting_since'), ('018', 'column', 'chats.state_since'), ('018', 'column', 'chats.epoch'),
    ('018', 'column', 'chats.releases_without_reply'), ('018', 'column', 'chats.closed_reason'),
    ('018', 'column', 'chat_assignments.waiting_since'), ('018', 'column', 'chat_assignments.queued_since'),
    ('018', 'column', 'chat_assignments.announced_reason'), ('018', 'column', 'chat_assignments.announced_at'),
    ('018', 'function', 'policy_number'), ('018', 'function', 'oldest_unanswered'), ('018', 'function', 'closed_by_limit'),
    ('018', 'function', 'is_owners_session'), ('018', 'function', 'refuse_clock'), ('018', 'function', 'restamp_messages'),
    ('018', 'function', 'next_instant'), ('018', 'function', 'order_message'), ('018', 'function', 'apply_message'),
    ('018', 'trigger', 'messages.chatops_order_message'), ('018', 'trigger', 'messages.chatops_apply_message'),
    ('019', 'index', 'idx_chats_queue'), ('019', 'index', 'idx_chats_queue_by_last_operator'),
    ('019', 'index', 'idx_chats_unanswered'), ('021', 'sequence', 'refusals_late_reply'),
    ('021', 'sequence', 'refusals_operator_busy'), ('021', 'function', 'idle_timeout'),
    ('021', 'function', 'own_chats_before'), ('021', 'function', 'paused_until'), ('021', 'function', 'count_refusal'),
    ('021', 'function', 'refuse_other_caller'), ('021', 'function', 'refuse_absent_operator'),
    ('021', 'function', 'begin_turn'), ('021', 'function', 'end_turn'), ('021', 'function', 'queue_head_seen'),
    ('021', 'function', 'lock_waiting_chat'), ('021', 'function', 'heads_of_lanes'), ('021', 'function', 'lock_next_chat'),
    ('021', 'function', 'take_further_chat'), ('021', 'function', 'take_next_chat'), ('021', 'function', 'held_chat'),
    ('021', 'function', 'lock_operator'),
    ('021', 'function', 'explain_empty_queue'), ('021', 'function', 'is_idle'), ('021', 'function', 'let_go'),
    ('021', 'function', 'release_chat'), ('021', 'function', 'close_left_over_turns'),
    ('021', 'function', 'release_idle_chats'), ('021', 'function', 'refuse_busy_operator'),
    ('021', 'function', 'reassign_chat'), ('021', 'function', 'close_chat'), ('021', 'function', 'reopen_chat'),
    ('021', 'function', 'refuse_late_reply'), ('021', 'function', 'stored_message'), ('021', 'function', 'operator_reply'),
    ('021', 'function', 'user_message'), ('021', 'function', 'operator_heartbeat'), ('022', 'view', 'guarded_columns'),
    ('022', 'function', 'guards_are_on'), ('022', 'function', 'put_in_order'), ('022', 'function', 'apply_user_message'),
    ('022', 'function', 'apply_reply'), ('022', 'function', 'apply_history'), ('022', 'function', 'keep_message'),
    ('022', 'function', 'forget_messages'), ('022', 'function', 'guard_new_chat'), ('022', 'function', 'open_first_turn'),
    ('022', 'function', 'complete_our_move'), ('022', 'function', 'settle_chat'), ('022', 'function', 'decide_chat'),
    ('022', 'function', 'remember_move'), ('022', 'function', 'guard_chat'), ('022', 'function', 'follow_holder'),
    ('022', 'function', 'guard_assignment'), ('022', 'function', 'guard_release'), ('022', 'function', 'guard_heartbeat'),
    ('022', 'function', 'keep_total_messages'), ('022', 'function', 'refuse_operators_clock'),
    ('022', 'function', 'free_chats_of_operator'), ('022', 'trigger', 'messages.chatops_keep_message'),
    ('022', 'trigger', 'messages.chatops_forget_messages'), ('022', 'trigger', 'chats.chatops_guard_new_chat'),
    ('022', 'trigger', 'chats.chatops_open_first_turn'), ('022', 'trigger', 'chats.chatops_guard_chat'),
    ('022', 'trigger', 'chats.chatops_follow_holder'), ('022', 'trigger', 'chat_assignments.chatops_guard_assignment'),
    ('022', 'trigger', 'chat_assignments.chatops_guard_release'),
    ('022', 'trigger', 'operator_activity.chatops_guard_heartbeat'),
    ('022', 'trigger', 'operators.chatops_start_total_messages'), ('022', 'trigger', 'operators.chatops_keep_total_messages'),
    ('022', 'trigger', 'operators.chatops_refuse_operators_clock'),
    ('022', 'trigger', 'operators.chatops_free_chats_of_operator'), ('024', 'index', 'chats_one_per_operator'),
    ('024', 'index', 'chat_assignments_one_open_per_chat'),
    ('025', 'constraint', 'chats.chats_operator_when_assigned'),
    ('025', 'constraint', 'chats.chats_completed_when_inactive')
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
     when 'sequence' then exists (
       select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = current_schema() and c.relname = wanted.object and c.relkind = 'S')
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
