-- May these operators still take a chat? What they hold beside the chats that are about to be moved.
-- operators: their ids; chats: the chats of this batch
select o.id as operator_id, coalesce(o.is_active, false) as is_active, coalesce(o.is_available, false) as is_available,
       (select pg_catalog.count(*) from chats c
         where c.assigned_operator_id = o.id and coalesce(c.is_active, true) and c.id <> all(:'chats'::uuid[])) as held
from operators o
where o.id = any(:'operators'::uuid[])
