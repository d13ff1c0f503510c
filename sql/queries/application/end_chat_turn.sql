-- The application lets an answered chat wait for its user, whoever holds it by now.
update chats
   set chat_state = 'waiting_real_user_reply', operator_replied_at = statement_timestamp(), assigned_operator_id = null,
       assignment_time = null, last_operator_id = :'operator_id'::uuid,
       last_message_at = statement_timestamp(), updated_at = statement_timestamp()
 where id = :'chat_id'::uuid
