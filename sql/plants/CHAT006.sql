-- Plants CHAT006: the user wrote while the operator was answering; the answer put the chat to waiting for the user.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('40', '35 minutes');
begin
  perform pg_temp.write_as_user(v_chat_id, '26 minutes', 'Wait, one more thing ...');
end
$plant$;
