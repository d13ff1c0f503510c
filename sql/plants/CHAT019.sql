-- Plants CHAT019: an import wrote who holds a chat and not since when.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('52');
begin
  perform pg_temp.hold(v_chat_id, pg_temp.newcomer('Ottilie Brand'), '2 minutes');
  update chats set assignment_time = null where id = v_chat_id;
end
$plant$;
