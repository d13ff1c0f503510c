-- Plants CHAT002: an admin moved a chat away and back; the old open assignment stayed open beside the new one.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('22');
begin
  perform pg_temp.hold(v_chat_id, pg_temp.newcomer('Adrian Zwick'), '4 minutes');
  insert into chat_assignments (chat_id, operator_id, assigned_at, created_at)
  select id, assigned_operator_id, now() - interval '2 minutes', now() - interval '2 minutes' from chats where id = v_chat_id;
end
$plant$;
