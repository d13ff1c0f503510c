-- What oldest_unanswered says of the chat c, for statements in which a Citus cluster takes no function that reads tables.
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
