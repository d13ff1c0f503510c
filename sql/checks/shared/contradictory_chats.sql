-- The chats whose state, active flag and operator contradict each other, or are missing: few, and found in one pass.
select id, chat_state, is_active, assigned_operator_id, assignment_time, updated_at
  from chats
 where chat_state is null
    or is_active is null
    or (chat_state::text = 'completed') = is_active
    or (chat_state::text = 'assigned') <> (assigned_operator_id is not null)
