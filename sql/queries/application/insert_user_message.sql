-- The application stores a user's message.
insert into messages (chat_id, sender_type, content)
values (:'chat_id'::uuid, 'real', :'content'::text)
