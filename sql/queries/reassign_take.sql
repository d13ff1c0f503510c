-- Takes chats from whoever holds them and gives them to others: open assignments closed, activity removed, the chat changed.
-- chats, operators: who gets which, locked before; release_reason: what the application reads. Returns what was, and what the chat is now.
\set chat_as_logged `cat sql/queries/shared/chat_as_logged$BEFORE_018.sql`
\set clocks_of_given `cat sql/queries/shared/clocks_of_given$BEFORE_018.sql`
with given as materialized (
  select given.* from unnest(:'chats'::uuid[], :'operators'::uuid[]) as given(chat_id, operator_id)
), was as materialized (
  select given.chat_id, :chat_as_logged as chat,
         (select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(a) order by a.assigned_at, a.id), '[]') from chat_assignments a
           where a.chat_id = c.id and a.released_at is null) as assignments,
         (select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(v) order by v.operator_id), '[]') from operator_activity v
           where v.chat_id = c.id) as activity
  from given join chats c on c.id = given.chat_id
), closed as (
  update chat_assignments a
     set released_at = greatest(statement_timestamp(), a.assigned_at), release_reason = :'release_reason'
    from given
   where a.chat_id = given.chat_id and a.released_at is null
  returning a.chat_id, pg_catalog.jsonb_build_object('id', a.id, 'operator_id', a.operator_id, 'released_at', a.released_at,
                                          'release_reason', a.release_reason) as assignment
), gone as (
  delete from operator_activity v using given where v.chat_id = given.chat_id
), changed as (
  update chats c
     set chat_state = 'assigned',
         :clocks_of_given
         is_active = true, assigned_operator_id = given.operator_id,
         assignment_time = statement_timestamp(), last_operator_id = given.operator_id, updated_at = statement_timestamp()
    from given
   where c.id = given.chat_id
  returning c.id, :chat_as_logged as chat
)
select was.chat_id,
       pg_catalog.jsonb_build_object('chat', was.chat, 'assignments', was.assignments, 'activity', was.activity)::text as before,
       pg_catalog.jsonb_build_object('chat', changed.chat, 'assignments', coalesce(ended.assignments, '[]'))::text as after
from was
join changed on changed.id = was.chat_id
left join (select closed.chat_id, pg_catalog.jsonb_agg(closed.assignment) as assignments from closed group by closed.chat_id) ended
  on ended.chat_id = was.chat_id
