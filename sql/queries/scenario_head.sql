-- Puts a made-up chat before everything that waits, and before what is held and may come back to its place in the queue.
update chats as c
   set waiting_since = least(
         now(),
         (select pg_catalog.min(o.waiting_since) from chats as o where o.chat_state::text = 'waiting_assignment' and o.waiting_since is not null),
         (select pg_catalog.min(o.waiting_since) from chats as o where o.assigned_operator_id is not null and o.chat_state::text = 'assigned'))
         - :'lead'::interval
 where c.id = :'chat_id'::uuid
