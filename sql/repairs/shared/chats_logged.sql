-- The log of repaired chats. changed: code, was, became (the chat before and after)
insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
select 'repair', n.code, (n.became).id, coalesce((n.was).assigned_operator_id, (n.became).last_operator_id), null::text,
       pg_catalog.jsonb_build_object('chat_state', (n.was).chat_state, 'is_active', (n.was).is_active,
                                     'assigned_operator_id', (n.was).assigned_operator_id,
                                     'assignment_time', (n.was).assignment_time, 'last_operator_id', (n.was).last_operator_id,
                                     'operator_replied_at', (n.was).operator_replied_at),
       pg_catalog.jsonb_build_object('chat_state', (n.became).chat_state, 'is_active', (n.became).is_active,
                                     'assigned_operator_id', (n.became).assigned_operator_id,
                                     'assignment_time', (n.became).assignment_time, 'last_operator_id', (n.became).last_operator_id,
                                     'operator_replied_at', (n.became).operator_replied_at)
  from changed n
