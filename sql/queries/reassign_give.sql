-- Opens the assignment and the activity of chats that were just given to somebody.
-- chats: their ids; before, after: what reassign_take returned for each
\set turn_given `cat sql/queries/shared/turn_given$BEFORE_018.sql`
with given as materialized (
  select given.chat_id, given.before::jsonb as before, given.after::jsonb as after
  from unnest(:'chats'::uuid[], :'before'::text[], :'after'::text[]) as given(chat_id, before, after)
), opened as (
  insert into chat_assignments :turn_given
    from given join chats c on c.id = given.chat_id
  returning chat_assignments.chat_id, chat_assignments.operator_id, pg_catalog.to_jsonb(chat_assignments) as assignment
), alive as (
  insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
  select c.id, c.assigned_operator_id, c.assignment_time, c.assignment_time from given join chats c on c.id = given.chat_id
  on conflict (chat_id, operator_id) do update set last_activity = excluded.last_activity, updated_at = excluded.updated_at
  returning operator_activity.chat_id, pg_catalog.to_jsonb(operator_activity) as activity
), result as (
  select 'reassign'::text as action, given.chat_id, opened.operator_id, given.before,
         given.after || pg_catalog.jsonb_build_object('assignments', given.after -> 'assignments'::text || opened.assignment,
                                           'activity', pg_catalog.jsonb_build_array(alive.activity)) as after
  from given join opened on opened.chat_id = given.chat_id join alive on alive.chat_id = given.chat_id
)
insert into chatops.actions (action, chat_id, operator_id, before, after)
select action, chat_id, operator_id, before, after from result
returning id as action_id, chat_id, after #>> '{chat,chat_state}'::text[] as chat_state
