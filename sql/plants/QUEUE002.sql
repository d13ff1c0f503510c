-- Plants QUEUE002: a user has waited for a quarter of an hour, while others who came later were served: the queue goes by the age
-- of the chat, and this one is young.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('42', '30 minutes');
begin
  perform pg_temp.write_as_user(v_chat_id, '13 minutes', 'Did I say something wrong?');
  update chats set chat_state = 'waiting_assignment' where id = v_chat_id;
end
$plant$;
