-- Since when a user message of a chat is unanswered: what the function oldest_unanswered says. c: the chat's row
select m.created_at
  from messages as m
 where m.chat_id = c.id
   and m.sender_type::text = 'real'
   and m.created_at > coalesce(
         (select r.created_at from messages as r
           where r.chat_id = c.id and r.sender_type::text = 'fictional'
           order by r.created_at desc limit 1),
         '-infinity'::timestamptz)
 order by m.created_at
 limit 1
