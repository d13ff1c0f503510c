-- The application forgets the heartbeats of an operator on a chat.
delete from operator_activity where chat_id = :'chat_id'::uuid and operator_id = :'operator_id'::uuid
