-- What a healthy system is told with: how many chats there are, how many wait, the longest wait in seconds.
-- needs: chat_queue
select (select pg_catalog.count(*) from chats) as chats,
       pg_catalog.count(*) as waiting,
       nullif(pg_catalog.date_part('epoch', now()) - pg_catalog.date_part('epoch', pg_catalog.min(q.waiting_since)), '-infinity') as oldest_seconds
  from chat_queue q
