-- Plants CHAT012: three idle releases closed a chat for good, and its user goes on writing.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('90', '2 hours 45 minutes');
begin
  perform pg_temp.write_as_user(v_chat_id, '150 minutes 55 seconds', 'Shall we talk tonight?');
  insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason, created_at)
  select v_chat_id, pg_temp.newcomer(t.name), now() - t.ago, now() - t.ago + interval '5 minutes 30 seconds', 'idle_timeout', now() - t.ago
    from (values ('Ilse Leer', interval '150 minutes'), ('Odo Pause', interval '144 minutes'), ('Vilma Still', interval '138 minutes'))
         as t (name, ago);
  update chats set chat_state = 'completed', is_active = false, updated_at = now() - interval '132 minutes 30 seconds'
   where id = v_chat_id;
  perform pg_temp.write_as_user(v_chat_id, '14 minutes', 'Hello? It says that you are online.');
end
$plant$;
