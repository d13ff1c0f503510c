-- The application takes a chat from its operator and puts it into the queue, whoever holds it by now.
update chats
   set chat_state = 'waiting_assignment', assigned_operator_id = null, assignment_time = null, updated_at = statement_timestamp()
 where id = :'chat_id'::uuid
