-- Which chats could be meant: by full id, by the beginning of an id, or by part of the user's or the profile's name.
-- low, high: the range of ids that begin so (null: not an id); word: part of a name (null: not a name).
(
  select c.id, c.chat_state, c.assigned_operator_id as operator_id, o.name as operator_name, u.name as user_name,
         f.name as profile_name, c.last_message_at
  from chats c
  left join operators o on o.id = c.assigned_operator_id
  left join real_users u on u.id = c.real_user_id
  left join fictional_users f on f.id = c.fictional_user_id
  where c.id between :'low'::uuid and :'high'::uuid
  limit 11
)
union
(
  select c.id, c.chat_state, c.assigned_operator_id, o.name, u.name, f.name, c.last_message_at
  from chats c
  left join operators o on o.id = c.assigned_operator_id
  join real_users u on u.id = c.real_user_id
  join fictional_users f on f.id = c.fictional_user_id
  where position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(u.name)) > 0 or position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(f.name)) > 0
  limit 11
)
order by last_message_at desc nulls last, id
limit 11
