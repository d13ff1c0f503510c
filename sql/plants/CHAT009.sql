-- Plants CHAT009: an operator who had lost the chat answered it all the same, before the one who had it could.
do $plant$
declare
  v_operator_id constant uuid := pg_temp.newcomer('Late Lotte');
  v_chat_id     constant uuid := pg_temp.victim('2e');
  v_holder_id   constant uuid := (select last_operator_id from chats where id = v_chat_id);
begin
  update messages set handled_by_operator_id = v_operator_id
   where id = (select id from messages where chat_id = v_chat_id order by created_at desc limit 1);
  update chats set last_operator_id = v_operator_id where id = v_chat_id;
  update operators set total_messages = total_messages + 1 where id = v_operator_id;
  update operators set total_messages = total_messages - 1 where id = v_holder_id;
end
$plant$;
