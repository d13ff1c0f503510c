-- Plants CHAT003: a user's message, read before an assign and written after it, put the chat back into the queue with its
-- operator still set, and closed nothing.
do $plant$
declare
  v_chat_id     constant uuid := pg_temp.victim('24');
  v_operator_id constant uuid := pg_temp.newcomer('Stella Moor');
begin
  perform pg_temp.write_as_user(v_chat_id, '1 minute 40 seconds', 'Are you there?');
  update chats
     set chat_state = 'waiting_assignment', assigned_operator_id = v_operator_id, assignment_time = now() - interval '50 seconds'
   where id = v_chat_id;
  update operators set last_activity = now() - interval '50 seconds' where id = v_operator_id;
end
$plant$;
