-- What a healthy system is told with: how many chats there are, how many wait, the longest wait in seconds.
-- needs: chat_queue
select (select pg_catalog.count(*) from chats) as chats,
       pg_catalog.count(*) as waiting,
       extract(epoch from now() - pg_catalog.min(q.waiting_since))::double precision as oldest_seconds
  from chat_queue q
