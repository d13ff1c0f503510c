-- A user's message through its function.
select chat_state from user_message(:'chat_id'::uuid, :'content'::text)
