-- What was said last in a chat: answered (by us), spoken_at.
left join lateral (
  select m.sender_type::text = 'fictional' as answered, m.created_at as spoken_at from messages m
   where m.chat_id = c.id order by m.created_at desc limit 1
) as newest on true
