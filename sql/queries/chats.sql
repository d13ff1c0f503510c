-- Which chats are like that? As the server finds them; whoever wants their number or the first of them puts this between brackets.
-- Each filter is null where it was not given. states: none stands for no state; "user", profile: part of the name; holder;
-- last_holder: operators; low, high: a range of ids, and word: part of either name, where a name is wanted; unheld, never_held: true where none is meant; older_than: since the last message; waits: whether it
-- is asked since when users wait
\set chat_waits_since `cat sql/queries/shared/chat_waits_since$BEFORE_018.sql`
select c.id as chat_id, c.chat_state::text as chat_state, c.is_active, u.name as user_name, f.name as profile_name,
       c.assigned_operator_id as operator_id, o.name as operator_name, c.last_operator_id, l.name as last_operator_name,
       c.last_message_at, c.created_at, case when :'waits'::boolean then (:chat_waits_since) end as waits_since
from chats c
left join real_users u on u.id = c.real_user_id
left join fictional_users f on f.id = c.fictional_user_id
left join operators o on o.id = c.assigned_operator_id
left join operators l on l.id = c.last_operator_id
-- Who bears a name is found first, by each table alone: else each chat is joined with its user to read a name.
left join (select id from real_users where position(pg_catalog.lower(:'user'::text) in pg_catalog.lower(name)) > 0) as meant_user on meant_user.id = c.real_user_id
left join (select id from fictional_users where position(pg_catalog.lower(:'profile'::text) in pg_catalog.lower(name)) > 0) as meant_profile on meant_profile.id = c.fictional_user_id
left join (select id from real_users where position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(name)) > 0) as user_alike on user_alike.id = c.real_user_id
left join (select id from fictional_users where position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(name)) > 0) as profile_alike on profile_alike.id = c.fictional_user_id
where (:'states'::text[] is null or coalesce(c.chat_state::text, 'none') = any(:'states'::text[]))
  and (:'user'::text is null or meant_user.id is not null)
  and (:'profile'::text is null or meant_profile.id is not null)
  and (:'word'::text is null and :'low'::uuid is null
       or c.id between :'low'::uuid and :'high'::uuid
       or user_alike.id is not null
       or profile_alike.id is not null)
  and (:'holder'::uuid is null or c.assigned_operator_id = :'holder'::uuid)
  and (:'unheld'::boolean is not true or c.assigned_operator_id is null)
  and (:'last_holder'::uuid is null or c.last_operator_id = :'last_holder'::uuid)
  and (:'never_held'::boolean is not true or c.last_operator_id is null)
  and (:'older_than'::interval is null or c.last_message_at < now() - :'older_than'::interval)
