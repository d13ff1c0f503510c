-- The application lets an answered chat wait for its user, whoever holds it by now.
update chats
   set chat_state = 'waiting_real_user_reply', operator_replied_at = now(), assigned_operator_id = null,
       assignment_time = null, last_operator_id = :'operator_id'::uuid, last_message_at = now(), updated_at = now()
 where id = :'chat_id'::uuid
