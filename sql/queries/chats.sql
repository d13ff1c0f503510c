-- Which chats are like that? As the server finds them; whoever wants their number or the first of them puts this between brackets.
-- Each filter is null where it was not given. state: none stands for no state; "user", profile: part of the name; holder;
-- last_holder: operators; older_than: since the last message
select c.id as chat_id, c.chat_state::text as chat_state, c.is_active, u.name as user_name, f.name as profile_name,
       c.assigned_operator_id as operator_id, o.name as operator_name, c.last_operator_id, l.name as last_operator_name,
       c.last_message_at, c.created_at
from chats c
left join real_users u on u.id = c.real_user_id
left join fictional_users f on f.id = c.fictional_user_id
left join operators o on o.id = c.assigned_operator_id
left join operators l on l.id = c.last_operator_id
where (:'state'::text is null or coalesce(c.chat_state::text, 'none') = :'state'::text)
  and (:'user'::text is null or position(pg_catalog.lower(:'user'::text) in pg_catalog.lower(u.name)) > 0)
  and (:'profile'::text is null or position(pg_catalog.lower(:'profile'::text) in pg_catalog.lower(f.name)) > 0)
  and (:'holder'::uuid is null or c.assigned_operator_id = :'holder'::uuid)
  and (:'last_holder'::uuid is null or c.last_operator_id = :'last_holder'::uuid)
  and (:'older_than'::interval is null or c.last_message_at < now() - :'older_than'::interval)
