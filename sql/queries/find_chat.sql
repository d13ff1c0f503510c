-- Which chats could be meant: by full id, by the beginning of an id, or by part of the user's or the profile's name?
-- Who waits or is held first, then the newest; total: how many there are.
-- low, high: the range of ids that begin so (null: not an id); word: part of a name (null: not a name).
with alike as (
  select c.id, c.chat_state, c.last_message_at from chats c where c.id between :'low'::uuid and :'high'::uuid
  union all
  select c.id, c.chat_state, c.last_message_at
  from chats c
  left join (select id from real_users where position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(name)) > 0) as user_alike on user_alike.id = c.real_user_id
  left join (select id from fictional_users where position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(name)) > 0) as profile_alike on profile_alike.id = c.fictional_user_id
  where (user_alike.id is not null or profile_alike.id is not null)
    and (c.id between :'low'::uuid and :'high'::uuid) is not true
), likeliest as (
  select a.id, pg_catalog.count(*) over () as total
    from alike a
   order by coalesce(a.chat_state::text in ('waiting_assignment', 'assigned'), true) desc, a.last_message_at desc nulls last, a.id
   limit 11
)
select c.id, c.chat_state, c.assigned_operator_id as operator_id, o.name as operator_name, u.name as user_name,
       f.name as profile_name, c.last_message_at, l.total
from likeliest l
join chats c on c.id = l.id
left join operators o on o.id = c.assigned_operator_id
left join real_users u on u.id = c.real_user_id
left join fictional_users f on f.id = c.fictional_user_id
order by coalesce(c.chat_state::text in ('waiting_assignment', 'assigned'), true) desc, c.last_message_at desc nulls last, c.id
