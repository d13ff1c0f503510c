-- Plants CHAT012: three idle releases closed a chat for good, and its user goes on writing.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('90', '2 hours 45 minutes');
begin
  perform pg_temp.write_as_user(v_chat_id, '150 minutes 55 seconds', 'Shall we talk tonight?');
  perform pg_temp.had_by(v_chat_id, 'Ilse Leer', '150 minutes', '5 minutes 30 seconds', 'idle_timeout');
  perform pg_temp.had_by(v_chat_id, 'Odo Pause', '144 minutes', '5 minutes 30 seconds', 'idle_timeout');
  perform pg_temp.had_by(v_chat_id, 'Vilma Still', '138 minutes', '5 minutes 30 seconds', 'idle_timeout');
  update chats set chat_state = 'completed', is_active = false, updated_at = now() - interval '132 minutes 30 seconds'
   where id = v_chat_id;
  perform pg_temp.write_as_user(v_chat_id, '14 minutes', 'Hello? It says that you are online.');
end
$plant$;
