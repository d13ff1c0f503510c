-- An admin closes a chat and leaves its state as it is.
update chats set is_active = false, assigned_operator_id = null, assignment_time = null, updated_at = statement_timestamp()
 where id = :'chat_id'::uuid
