-- Puts a chat that waits for its user, although the user spoke last, back into the queue; when it was answered is told by its replies.
--
-- order: 100
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

-- In the order of the key, so that the pages of the index are read one after the other.
select c.id as chat_id
  from (select id from chats where chat_state::text = 'waiting_real_user_reply' and is_active is not false order by id) as c
 cross join lateral (
   select m.sender_type, m.created_at from messages m where m.chat_id = c.id order by m.created_at desc limit 1
 ) as newest
 where newest.sender_type::text = 'real'
   -- Of two at the same instant none is the later one.
   and not exists (select 1 from messages m
                    where m.chat_id = c.id and m.created_at = newest.created_at and m.sender_type::text = 'fictional')
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, (select reply.created_at from (:newest_reply) as reply) as answered_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
   cross join lateral (
    select m.sender_type::text = 'fictional' as answered, m.created_at as spoken_at from messages m
     where m.chat_id = c.id order by m.created_at desc limit 1
  ) as newest
   where c.chat_state::text = 'waiting_real_user_reply'
     and c.is_active is not false
     and not newest.answered
     and not exists (select 1 from messages m
                      where m.chat_id = c.id and m.created_at = newest.spoken_at and m.sender_type::text = 'fictional')
   order by c.id
), locked as materialized (
  select c.*, c as was, 'CHAT006' as code, k.answered_at
:locked_as_judged
), changed as (
  update chats c
     set chat_state = 'waiting_assignment',
         assigned_operator_id = null,
         assignment_time = null,
         operator_replied_at = l.answered_at,
         updated_at = pg_catalog.now()
:and_logged
)
:mended_and_busy;
