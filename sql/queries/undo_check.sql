-- What forbids to take these actions back, although their chats look as they were left?
-- actions: their numbers, their chats locked; forced: whether a busy operator is to be given the chat all the same
with given as materialized (
  select a.id as action_id, a.chat_id, a.at, a.before, a.after
  from chatops.actions a where a.id = any(:'actions'::bigint[])
), told as (
  select given.action_id, 1 as place, 'its assignments were changed since' as why
  from given
  where exists (
          select from chat_assignments x
           where x.chat_id = given.chat_id and x.released_at is null
             and not exists (select from pg_catalog.jsonb_array_elements(given.after -> 'assignments'::text) l where (l ->> 'id'::text)::uuid = x.id))
     or exists (
          select from pg_catalog.jsonb_array_elements(given.after -> 'assignments'::text) l
          left join chat_assignments x on x.id = (l ->> 'id'::text)::uuid
           where x.id is null or x.released_at is distinct from (l ->> 'released_at'::text)::timestamptz)
  union all
  select given.action_id, 2, 'the user has written since, and would not be heard'
  from given
  where given.before #>> '{chat,chat_state}'::text[] in ('waiting_real_user_reply', 'completed')
    and exists (select from messages m where m.chat_id = given.chat_id and m.sender_type::text = 'real' and m.created_at > given.at)
  union all
  select given.action_id, 3, 'the operator who had it is gone'
  from given
  where given.before #>> '{chat,assigned_operator_id}'::text[] is not null
    and not exists (select from operators o where o.id = (given.before #>> '{chat,assigned_operator_id}'::text[])::uuid)
  union all
  select given.action_id, 4, 'the operator who had it holds another chat now'
  from given
  where not :'forced'::boolean
    and (given.before #>> '{chat,is_active}'::text[])::boolean
    and exists (select from chats c
                 where c.assigned_operator_id = (given.before #>> '{chat,assigned_operator_id}'::text[])::uuid
                   and coalesce(c.is_active, true) and c.id <> given.chat_id
                   and not exists (select from given also where also.chat_id = c.id))
)
select distinct on (told.action_id) told.action_id, told.why from told order by told.action_id, told.place
