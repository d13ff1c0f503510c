-- Opens chats again: each in the state that its messages say, without holder. The count of releases begins anew.
-- chats: their ids, locked before
with was as materialized (
  select c.id as chat_id, c.assigned_operator_id as operator_id,
         c.is_active, c.chat_state, newest.sender_type,
         newest.created_at as said_at, pg_catalog.jsonb_build_object('chat_state', c.chat_state, 'is_active', c.is_active,
           'assigned_operator_id', c.assigned_operator_id, 'assignment_time', c.assignment_time,
           'last_operator_id', c.last_operator_id, 'operator_replied_at', c.operator_replied_at,
           'updated_at', c.updated_at) as chat
  from pg_catalog.unnest(:'chats'::uuid[]) as given(id)
  join chats c on c.id = given.id
  left join lateral (
    select m.sender_type, m.created_at from messages m
     where m.chat_id = c.id order by m.created_at desc
           , m.sender_type desc
     limit 1
  ) newest on true
), decided as materialized (
  select was.*,
         case when was.sender_type = 'fictional' then 'waiting_real_user_reply' else 'waiting_assignment' end as then_state
  from was
), changed as (
  update chats c
     set chat_state = decided.then_state, assigned_operator_id = null, assignment_time = null,
         is_active = true,
         operator_replied_at = case when decided.then_state = 'waiting_real_user_reply'
                                    then coalesce(decided.said_at, c.operator_replied_at, statement_timestamp())
                                    else c.operator_replied_at end,
         last_operator_id = coalesce(decided.operator_id, c.last_operator_id), updated_at = statement_timestamp()
    from decided
   where c.id = decided.chat_id
  returning c.id, pg_catalog.jsonb_build_object('chat_state', c.chat_state, 'is_active', c.is_active,
           'assigned_operator_id', c.assigned_operator_id, 'assignment_time', c.assignment_time,
           'last_operator_id', c.last_operator_id, 'operator_replied_at', c.operator_replied_at,
           'updated_at', c.updated_at) as chat
), result as (
  select 'reopen'::text as action, decided.chat_id, decided.operator_id,
         pg_catalog.jsonb_build_object('chat', decided.chat, 'assignments', '[]'::jsonb, 'activity', '[]'::jsonb) as before,
         pg_catalog.jsonb_build_object('chat', changed.chat, 'assignments', '[]'::jsonb, 'activity', '[]'::jsonb) as after
  from decided
  join changed on changed.id = decided.chat_id
)
insert into chatops.actions (action, chat_id, operator_id, before, after)
select action, chat_id, operator_id, before, after from result
returning id as action_id, chat_id, after #>> '{chat,chat_state}'::text[] as chat_state
