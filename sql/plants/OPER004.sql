-- Plants OPER004: three people share one account and answer a chat every twenty-five seconds.
do $plant$
declare
  v_operator_id constant uuid := pg_temp.newcomer('Team Konto');
  v_profile_id  constant uuid := md5('profile of team konto')::uuid;
begin
  insert into fictional_users (id, name, created_at) values (v_profile_id, 'Nova', now() - interval '80 days');
  create temporary table team_turn on commit drop as
  select md5('team chat ' || n)::uuid as chat_id, u.id as user_id,
         make_interval(secs => 420 + 25 * n) as answered, make_interval(secs => 440 + 25 * n) as taken
    from (select id, row_number() over (order by id) as n from real_users order by id limit 124) as u;
  insert into chats (id, real_user_id, fictional_user_id, chat_state, last_operator_id, operator_replied_at, last_message_at,
                     message_count, is_active, created_at, updated_at)
  select chat_id, user_id, v_profile_id, 'waiting_real_user_reply', v_operator_id, now() - answered, now() - answered,
         2, true, now() - taken - pg_temp.wait_then(taken) - interval '1 minute', now() - answered
    from team_turn;
  insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at, delivered_at)
  select chat_id, 'real', 'Hi Nova, are you new here?', null, now() - taken - pg_temp.wait_then(taken), now() - taken
    from team_turn
  union all
  select chat_id, 'fictional', 'Yes, just arrived. And you?', v_operator_id, now() - answered, now() - answered
    from team_turn;
  insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason, created_at)
  select chat_id, v_operator_id, now() - taken, now() - answered + interval '60 milliseconds', 'operator_sent_message', now() - taken
    from team_turn;
  update operators
     set total_messages = (select count(*) from team_turn), last_activity = now() - interval '5 minutes'
   where id = v_operator_id;
end
$plant$;
