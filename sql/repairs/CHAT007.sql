-- Takes an answered chat out of the queue: it waits for its user since the newest reply.
--
-- order: 110
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select c.id as chat_id
  from chats c
 cross join lateral (
   select m.sender_type from messages m where m.chat_id = c.id order by m.created_at desc limit 1
 ) as newest
 where c.chat_state::text = 'waiting_assignment'
   and c.assigned_operator_id is null
   and c.is_active is not false
   and newest.sender_type::text = 'fictional'
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, newest.spoken_at, newest.handled_by_operator_id
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
   cross join lateral (
    select m.sender_type::text = 'fictional' as answered, m.created_at as spoken_at, m.handled_by_operator_id from messages m
     where m.chat_id = c.id order by m.created_at desc limit 1
  ) as newest
   where c.chat_state::text = 'waiting_assignment'
     and c.assigned_operator_id is null
     and c.is_active is not false
     and newest.answered
   order by c.id
), locked as materialized (
  select c.*, c as was, 'CHAT007' as code, k.spoken_at, k.handled_by_operator_id
:locked_as_judged
), changed as (
  update chats c
     set chat_state = 'waiting_real_user_reply',
         operator_replied_at = l.spoken_at,
         last_operator_id = coalesce(l.handled_by_operator_id, l.last_operator_id),
         updated_at = pg_catalog.now()
:and_logged
)
:mended_and_busy;
