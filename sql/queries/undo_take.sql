-- Takes away what these actions opened: assignments and activity rows. Returns how each chat stands before it is put back.
-- actions: their numbers, their chats locked
with given as materialized (
  select a.id as action_id, a.chat_id, a.before, a.after
  from chatops.actions a where a.id = any(:'actions'::bigint[])
), was as materialized (
  -- What the log keeps of a chat; a database without the queue's clocks has fewer of these columns.
  select given.action_id,
         (select pg_catalog.jsonb_object_agg(field.key, field.value)
            from pg_catalog.jsonb_each(pg_catalog.to_jsonb(c)) as field
           where field.key in ('chat_state', 'is_active', 'waiting_since', 'state_since', 'epoch', 'releases_without_reply',
                               'closed_reason', 'assigned_operator_id', 'assignment_time', 'last_operator_id',
                               'operator_replied_at', 'updated_at')) as chat,
         (select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(x) order by x.assigned_at, x.id), '[]') from chat_assignments x
           where x.id in (select (l ->> 'id'::text)::uuid
                            from pg_catalog.jsonb_array_elements((given.after -> 'assignments'::text) || (given.before -> 'assignments'::text)) l)
         ) as assignments,
         (select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(v) order by v.operator_id), '[]') from operator_activity v
           where v.chat_id = given.chat_id) as activity
  from given join chats c on c.id = given.chat_id
), gone as (
  delete from chat_assignments x
  using given, pg_catalog.jsonb_array_elements(given.after -> 'assignments'::text) l
  where x.id = (l ->> 'id'::text)::uuid
    and not exists (select from pg_catalog.jsonb_array_elements(given.before -> 'assignments'::text) b where b ->> 'id'::text = l ->> 'id'::text)
), silent as (
  delete from operator_activity v using given where v.chat_id = given.chat_id
)
select was.action_id,
       pg_catalog.jsonb_build_object('chat', was.chat, 'assignments', was.assignments, 'activity', was.activity)::text as before
from was
