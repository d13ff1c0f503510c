-- Since when the user of a chat waits for an answer, read from its messages; of what is over nobody waits. c: the chat's row
select pg_catalog.min(m.created_at)
  from messages as m
 where m.chat_id = c.id
   and m.sender_type::text = 'real'
   and c.chat_state::text is distinct from 'completed'
   and m.created_at > coalesce(
         (select r.created_at from messages as r
           where r.chat_id = c.id and r.sender_type::text = 'fictional'
           order by r.created_at desc limit 1),
         '-infinity'::timestamptz)
