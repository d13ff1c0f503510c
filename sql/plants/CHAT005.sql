-- Plants CHAT005: somebody else's release closed the only assignment of a chat that is being worked on.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('28');
begin
  perform pg_temp.hold(v_chat_id, pg_temp.newcomer('Nadja Orlov'), '3 minutes');
  update chat_assignments
     set released_at = now() - interval '1 minute', release_reason = 'manual_release'
   where chat_id = v_chat_id and released_at is null;
end
$plant$;
