-- An admin blocks a user: all their chats end, their states stay as they are.
update chats set is_active = false, assigned_operator_id = null, assignment_time = null, updated_at = statement_timestamp()
 where real_user_id = :'real_user_id'::uuid
