-- What was said last in a chat; of two messages of one instant, which there are before 018, the user's. c: the chat's row
select m.sender_type, m.created_at from messages m where m.chat_id = c.id order by m.created_at desc, m.sender_type desc limit 1
