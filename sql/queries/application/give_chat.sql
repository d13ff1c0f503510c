-- An admin's reassign gives a chat to an operator, without a look at the operator.
update chats
   set chat_state = 'assigned', assigned_operator_id = :'operator_id'::uuid, assignment_time = statement_timestamp(),
       last_operator_id = :'operator_id'::uuid, updated_at = statement_timestamp()
 where id = :'chat_id'::uuid
