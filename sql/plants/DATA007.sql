-- Plants DATA007: rows came from a back-up whose chats were read before their messages.
-- not-in-demo: it looks like any other chat
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('58');
begin
  update chats set last_message_at = last_message_at - interval '20 days', updated_at = now() where id = v_chat_id;
end
$plant$;
