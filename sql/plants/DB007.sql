-- Plants DB007: should_keep_assignment was "simplified", and keeps chats for nobody.
-- also: DB018
create or replace function should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid)
returns boolean
language sql
immutable
as $function$
  select p_current_state = 'assigned'
$function$;
