-- The messages of the window, each by its chat: there is no index by time, and a chat remembers when it was last written into.
select m.id, m.chat_id, m.sender_type, m.content, m.handled_by_operator_id, m.created_at
  from chats c
 cross join lateral (
   select * from messages w where w.chat_id = c.id and w.created_at >= now() - :'since'::interval offset 0
 ) as m
 where c.last_message_at >= now() - :'since'::interval
