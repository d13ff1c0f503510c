-- Puts a made-up chat before everything that waits, where the queue goes by the age of the chat.
update chats as c
   set created_at = (select coalesce(least(pg_catalog.min(o.created_at), now()), now()) from chats as o where o.chat_state::text = 'waiting_assignment')
                    - :'lead'::interval
 where c.id = :'chat_id'::uuid
