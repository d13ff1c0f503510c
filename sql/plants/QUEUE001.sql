-- Plants QUEUE001: the deployed assign function gave an operator a chat in which nobody has written anything yet.
do $plant$
declare
  v_operator_id constant uuid := pg_temp.newcomer('Karl Leerlauf');
  v_chat_id     constant uuid := (
    select id from chats where chat_state = 'waiting_assignment' and message_count = 0 order by created_at limit 1);
begin
  update chats
     set chat_state = 'assigned', assigned_operator_id = v_operator_id, assignment_time = now() - interval '90 seconds',
         updated_at = now() - interval '90 seconds'
   where id = v_chat_id;
  insert into chat_assignments (chat_id, operator_id, assigned_at, created_at)
  values (v_chat_id, v_operator_id, now() - interval '90 seconds', now() - interval '90 seconds');
  insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
  values (v_chat_id, v_operator_id, now() - interval '6 seconds', now() - interval '6 seconds');
  update operators set is_available = true, last_activity = now() - interval '6 seconds' where id = v_operator_id;
end
$plant$;
