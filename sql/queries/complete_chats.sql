-- Which chats may somebody be about to name? Who waits or is held first, then the newest of the others.
select c.id, c.chat_state
  from chats c
 order by coalesce(c.chat_state::text in ('waiting_assignment', 'assigned'), true) desc, c.last_message_at desc nulls last, c.id
 limit :'most'::bigint
