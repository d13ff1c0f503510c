-- Plants CHAT015: three operators had a difficult chat in turn, and each let it go without an answer.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('44', '40 minutes');
begin
  perform pg_temp.write_as_user(v_chat_id, '4 minutes 10 seconds', 'I do not know how to say this.');
  insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason, created_at)
  select v_chat_id, pg_temp.newcomer(t.name), now() - t.ago, now() - t.ago + interval '40 seconds', 'manual_release', now() - t.ago
    from (values ('Hanna Weiter', interval '180 seconds'), ('Kurt Ausweich', interval '130 seconds'),
                 ('Lena Scheu', interval '80 seconds')) as t (name, ago);
  update chats set chat_state = 'waiting_assignment', updated_at = now() - interval '40 seconds' where id = v_chat_id;
  perform pg_temp.keep_clocks(v_chat_id);
end
$plant$;
