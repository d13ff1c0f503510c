-- The application puts a chat whose user wrote back into the queue, whatever has become of it since it was read.
update chats
   set chat_state = 'waiting_assignment', last_message_at = statement_timestamp(), updated_at = statement_timestamp()
 where id = :'chat_id'::uuid
