-- Whether a further user message leaves the chat with the operator who is working on it.
-- effect: a second message no longer costs an operator the chat
create or replace function should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid)
returns boolean
language sql
immutable
set search_path from current
as $function$
  select coalesce(p_current_state = 'assigned' and p_assigned_operator_id is not null, false)
$function$;
