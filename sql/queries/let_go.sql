-- Lets chats go: given back (release), ended (close) or opened again (reopen); each without holder, open assignment or activity.
-- command; chats: their ids, locked before; ending: those of them whose turn ends, none for reopen; release_reason: what the
-- application reads, null for reopen; reassignment_limit: null, or after how many releases without a reply a chat is closed for good
\set chat_as_logged `cat sql/queries/shared/chat_as_logged$BEFORE_018.sql`
\set newest_message `cat sql/queries/shared/newest_message$BEFORE_018.sql`
\set releases_without_reply `cat sql/queries/shared/releases_without_reply$BEFORE_018.sql`
\set clocks_of_let_go `cat sql/queries/shared/clocks_of_let_go$BEFORE_018.sql`
with was as materialized (
  select c.id as chat_id, c.assigned_operator_id as operator_id,
         c.is_active, c.chat_state, newest.sender_type, newest.created_at as said_at,
         case when :'command' = 'release' then (:releases_without_reply) end as releases, :chat_as_logged as chat
  from pg_catalog.unnest(:'chats'::uuid[]) as given(id)
  join chats c on c.id = given.id
  left join lateral (:newest_message) newest on true
), decided as materialized (
  select was.*,
         case when :'command' = 'close' then 'completed'
              when :'command' = 'release' and (was.chat_state::text = 'completed' or was.is_active is false) then 'completed'
              when was.sender_type::text = 'fictional' then 'waiting_real_user_reply'
              when was.releases >= :'reassignment_limit'::integer then 'completed'
              else 'waiting_assignment' end as then_state
  from was
), closing as materialized (
  select a.chat_id, pg_catalog.jsonb_agg(pg_catalog.to_jsonb(a) order by a.assigned_at, a.id) as assignments,
         pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('id', a.id, 'operator_id', a.operator_id, 'release_reason', :'release_reason'::text,
                                      'released_at', greatest(statement_timestamp(), a.assigned_at))
                   order by a.assigned_at, a.id) as ended
  from chat_assignments a where a.chat_id = any(:'ending'::uuid[]) and a.released_at is null
  group by a.chat_id
), closed as (
  update chat_assignments a
     set released_at = greatest(statement_timestamp(), a.assigned_at), release_reason = :'release_reason'
   where a.chat_id = any(:'ending'::uuid[]) and a.released_at is null
), gone as (
  delete from operator_activity v where v.chat_id = any(:'ending'::uuid[])
  returning v.chat_id, pg_catalog.to_jsonb(v) as activity
), changed as (
  update chats c
     set chat_state = decided.then_state, assigned_operator_id = null, assignment_time = null,
         is_active = case when decided.then_state = 'completed' then false else :'command' = 'reopen' or c.is_active end,
         operator_replied_at = case when decided.then_state = 'waiting_real_user_reply'
                                    then coalesce(decided.said_at, c.operator_replied_at, statement_timestamp())
                                    else c.operator_replied_at end,
         :clocks_of_let_go
         last_operator_id = coalesce(decided.operator_id, c.last_operator_id), updated_at = statement_timestamp()
    from decided
   where c.id = decided.chat_id
  returning c.id, :chat_as_logged as chat
), silent as (
  select gone.chat_id, pg_catalog.jsonb_agg(gone.activity) as activity from gone group by gone.chat_id
), result as (
  select :'command'::text as action, decided.chat_id, decided.operator_id,
         pg_catalog.jsonb_build_object('chat', decided.chat, 'assignments', coalesce(closing.assignments, '[]'),
                            'activity', coalesce(silent.activity, '[]')) as before,
         pg_catalog.jsonb_build_object('chat', changed.chat, 'assignments', coalesce(closing.ended, '[]'),
                            'activity', '[]'::jsonb) as after
  from decided
  join changed on changed.id = decided.chat_id
  left join closing on closing.chat_id = decided.chat_id
  left join silent on silent.chat_id = decided.chat_id
)
insert into chatops.actions (action, chat_id, operator_id, before, after)
select action, chat_id, operator_id, before, after from result
returning id as action_id, chat_id, after #>> '{chat,chat_state}'::text[] as chat_state
