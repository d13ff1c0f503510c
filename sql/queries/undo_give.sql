-- Puts chats, their assignments and their activity back as they were before these actions.
-- actions: their numbers; before: what undo_take returned for each
\set chat_as_logged `cat sql/queries/shared/chat_as_logged$BEFORE_018.sql`
\set clocks_put_back `cat sql/queries/shared/clocks_put_back$BEFORE_018.sql`
with given as materialized (
  select a.id as action_id, a.chat_id, a.operator_id, a.before as wanted, given.before::jsonb as before
  from unnest(:'actions'::bigint[], :'before'::text[]) as given(action_id, before)
  join chatops.actions a on a.id = given.action_id
), changed as (
  update chats c
     set chat_state = w.chat_state, is_active = w.is_active, assigned_operator_id = w.assigned_operator_id,
         assignment_time = w.assignment_time, last_operator_id = w.last_operator_id,
         :clocks_put_back
         operator_replied_at = w.operator_replied_at, updated_at = w.updated_at
    from given
   cross join lateral pg_catalog.jsonb_populate_record(null::chats, given.before -> 'chat'::text || given.wanted -> 'chat'::text) as w
   where c.id = given.chat_id
  returning c.id, :chat_as_logged as chat
), reopened as (
  insert into chat_assignments as x
  select l.* from given, pg_catalog.jsonb_populate_recordset(null::chat_assignments, given.wanted -> 'assignments'::text) l
  on conflict (id) do update set released_at = excluded.released_at, release_reason = excluded.release_reason
  returning x.chat_id, pg_catalog.to_jsonb(x) as assignment
), alive as (
  insert into operator_activity as v
  select l.* from given, pg_catalog.jsonb_populate_recordset(null::operator_activity, given.wanted -> 'activity'::text) l
  on conflict do nothing
  returning v.chat_id, pg_catalog.to_jsonb(v) as activity
), result as (
  select 'undo'::text as action, given.chat_id, given.operator_id, given.action_id as undoes, given.before,
         pg_catalog.jsonb_build_object(
           'chat', changed.chat,
           'assignments', coalesce(turns.assignments, '[]'), 'activity', coalesce(heard.activity, '[]')) as after
  from given
  join changed on changed.id = given.chat_id
  left join (select r.chat_id, pg_catalog.jsonb_agg(r.assignment) as assignments from reopened r group by r.chat_id) turns
    on turns.chat_id = given.chat_id
  left join (select l.chat_id, pg_catalog.jsonb_agg(l.activity) as activity from alive l group by l.chat_id) heard
    on heard.chat_id = given.chat_id
)
insert into chatops.actions (action, chat_id, operator_id, undoes, before, after)
select action, chat_id, operator_id, undoes, before, after from result
returning id as action_id, undoes, chat_id, after #>> '{chat,chat_state}'::text[] as chat_state
