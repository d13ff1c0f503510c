-- Puts a made-up chat before everything that waits, where the queue goes by the unanswered message.
update chats as c
   set waiting_since = (select coalesce(least(min(o.waiting_since), now()), now()) from chats as o
                         where o.chat_state = 'waiting_assignment' and o.waiting_since is not null) - :'lead'::interval
 where c.id = :'chat_id'::uuid
