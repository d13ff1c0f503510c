create or replace function should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid)
returns boolean language sql immutable as $$ select p_current_state = 'assigned' and p_assigned_operator_id is not null $$;
