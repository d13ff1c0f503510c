-- Plants DATA003: the reply was sent twice, because the first answer of the server was lost.
do $plant$
declare
  v_chat_id     constant uuid := pg_temp.victim('3a');
  v_operator_id constant uuid := pg_temp.newcomer('Dagmar Echo');
begin
  perform pg_temp.hold(v_chat_id, v_operator_id, '11 minutes');
  perform pg_temp.answer(v_chat_id, '9 minutes', 'I was thinking of you this morning.');
  insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at, delivered_at)
  values (v_chat_id, 'fictional', 'I was thinking of you this morning.', v_operator_id,
          now() - interval '539 seconds', now() - interval '538 seconds');
  update chats
     set message_count = message_count + 1, last_message_at = now() - interval '539 seconds',
         operator_replied_at = now() - interval '539 seconds'
   where id = v_chat_id;
  update chat_assignments set released_at = now() - interval '538 seconds'
   where chat_id = v_chat_id and operator_id = v_operator_id;
  update operators set total_messages = total_messages + 1 where id = v_operator_id;
end
$plant$;
