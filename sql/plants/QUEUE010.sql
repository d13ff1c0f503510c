-- Plants QUEUE010: a user has waited for half an hour; whoever waits so long has been passed over as well.
-- also: QUEUE002
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('46', '45 minutes');
begin
  perform pg_temp.write_as_user(v_chat_id, '31 minutes', 'I will wait here for you.');
  update chats set chat_state = 'waiting_assignment' where id = v_chat_id;
end
$plant$;
