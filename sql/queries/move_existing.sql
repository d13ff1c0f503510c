-- Which of these chats exist?
-- chats: ids
select c.id from chats c where c.id = any(:'chats'::uuid[])
