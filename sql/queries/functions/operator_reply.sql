-- An operator's reply through its function: written only while they hold the chat.
select message_id, newer_user_messages from operator_reply(:'chat_id'::uuid, :'operator_id'::uuid, :'content'::text)
