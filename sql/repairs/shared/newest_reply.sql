-- The newest reply in a chat. c: the chat
select m.handled_by_operator_id, m.created_at from messages m
 where m.chat_id = c.id and m.sender_type::text = 'fictional' order by m.created_at desc limit 1
