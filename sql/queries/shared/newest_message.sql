-- What was said last in a chat. c: its row
select m.sender_type, m.created_at from messages m where m.chat_id = c.id order by m.created_at desc limit 1
