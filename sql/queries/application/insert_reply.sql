-- The application stores an operator's reply.
insert into messages (chat_id, sender_type, content, handled_by_operator_id)
values (:'chat_id'::uuid, 'fictional', :'content'::text, :'operator_id'::uuid)
