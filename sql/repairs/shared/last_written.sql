-- When a chat was last written into, by its messages; never ahead of the clock. What no clock can have said counts for nothing. c: the chat
select least(m.created_at, pg_catalog.now()) as at from messages m
 where m.chat_id = c.id and m.created_at between '0001-01-02' and pg_catalog.now() + interval '1 hour'
 order by m.created_at desc limit 1
