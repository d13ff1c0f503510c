-- How many turns of a chat ended, or go on, since its last reply: more releases than these cannot be. c: the chat
select pg_catalog.count(*) as turns from chat_assignments a
 where a.chat_id = c.id
   and coalesce(a.released_at, 'infinity') > coalesce((select r.created_at from messages r
                                                        where r.chat_id = c.id and r.sender_type::text = 'fictional'
                                                        order by r.created_at desc limit 1), '-infinity')
