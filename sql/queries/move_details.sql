-- What a person wants to know of a chat before it is moved: whose it is, since when it waits, what is open.
-- chats: their ids
select c.id as chat_id, u.name as user_name, f.name as profile_name, c.assignment_time, c.last_message_at,
       (select pg_catalog.min(m.created_at) from messages m
         where m.chat_id = c.id and m.sender_type::text = 'real'
           and m.created_at > coalesce((select pg_catalog.max(r.created_at) from messages r
                                         where r.chat_id = c.id and r.sender_type::text = 'fictional'), '-infinity')) as waits_since,
       (select pg_catalog.max(r.created_at) from messages r where r.chat_id = c.id and r.sender_type::text = 'fictional') as replied_at,
       (select pg_catalog.count(*) from chat_assignments a where a.chat_id = c.id and a.released_at is null) as open_assignments,
       (select pg_catalog.min(a.assigned_at) from chat_assignments a where a.chat_id = c.id and a.released_at is null) as open_since
from pg_catalog.unnest(:'chats'::uuid[]) as given(id)
join chats c on c.id = given.id
left join real_users u on u.id = c.real_user_id
left join fictional_users f on f.id = c.fictional_user_id
