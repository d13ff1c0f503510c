-- Plants CHAT018: an admin closed a chat, and its user goes on writing.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('4e');
begin
  perform pg_temp.write_as_user(v_chat_id, '3 minutes', 'Are you there?');
  update chats set chat_state = 'completed', is_active = false, updated_at = now() - interval '15 minutes' where id = v_chat_id;
  update chat_assignments set released_at = least(released_at, now() - interval '15 minutes') where chat_id = v_chat_id;
  if exists (select from pg_attribute
              where attrelid = 'chats'::regclass and attname = 'waiting_since' and not attisdropped) then
    execute 'update chats set state_since = updated_at, waiting_since = null, closed_reason = ''closed'' where id = $1' using v_chat_id;
  end if;
end
$plant$;
