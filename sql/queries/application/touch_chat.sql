-- The application notes that something was written in a chat.
update chats set last_message_at = now(), updated_at = now() where id = :'chat_id'::uuid
