-- The application notes that something was written in a chat.
update chats set last_message_at = statement_timestamp(), updated_at = statement_timestamp() where id = :'chat_id'::uuid
