-- The application reads a chat before it decides what to write.
select chat_state, assigned_operator_id from chats where id = :'chat_id'::uuid
