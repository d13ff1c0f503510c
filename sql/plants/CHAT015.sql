-- Plants CHAT015: three operators had a difficult chat in turn, and each let it go without an answer.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('44', '40 minutes');
begin
  perform pg_temp.write_as_user(v_chat_id, '4 minutes 10 seconds', 'I do not know how to say this.');
  perform pg_temp.had_by(v_chat_id, 'Hanna Weiter', '180 seconds', '40 seconds', 'manual_release');
  perform pg_temp.had_by(v_chat_id, 'Kurt Ausweich', '130 seconds', '40 seconds', 'manual_release');
  perform pg_temp.had_by(v_chat_id, 'Lena Scheu', '80 seconds', '40 seconds', 'manual_release');
  update chats set chat_state = 'waiting_assignment', updated_at = now() - interval '40 seconds' where id = v_chat_id;
  perform pg_temp.keep_clocks(v_chat_id);
end
$plant$;
