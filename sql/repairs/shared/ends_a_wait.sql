-- Whether a chat has ended by its flag or its state alone although its user spoke last: to end it whole is for a person to say. c: the chat
coalesce((c.is_active is false and c.chat_state is not null or c.chat_state::text = 'completed')
         and (select m.sender_type::text from messages m where m.chat_id = c.id order by m.created_at desc limit 1) = 'real', false)
