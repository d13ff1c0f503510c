-- Plants CHAT016: the old code of the application put a chat into the queue when its user wrote to the operator who had it.
do $plant$
declare
  v_chat_id     constant uuid := pg_temp.victim('48', '40 minutes');
  v_operator_id constant uuid := pg_temp.newcomer('Nora Verlust');
begin
  perform pg_temp.write_as_user(v_chat_id, '4 minutes 20 seconds', 'May I ask you something?');
  insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason, created_at)
  values (v_chat_id, v_operator_id, now() - interval '190 seconds', now() - interval '149.9 seconds', 'user_message',
          now() - interval '190 seconds');
  perform pg_temp.write_as_user(v_chat_id, '150 seconds', 'Are you still there?');
  update chats set chat_state = 'waiting_assignment', updated_at = now() - interval '149.9 seconds' where id = v_chat_id;
  perform pg_temp.keep_clocks(v_chat_id);
end
$plant$;
