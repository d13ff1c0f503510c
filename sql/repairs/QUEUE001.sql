-- Takes chats in which no user has written from the operators who were given them; they stay waiting, and wait for nobody.
--
-- order: 60
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select c.id as chat_id
  from chats c
 where c.assigned_operator_id is not null
   and c.chat_state::text = 'assigned'
   and c.is_active
   and not exists (select 1 from messages m where m.chat_id = c.id and m.sender_type::text = 'real')
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found,
         coalesce(newest.answered, false) as answered, newest.spoken_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
:said_last
   where c.assigned_operator_id is not null
     and c.chat_state::text = 'assigned'
     and c.is_active
     and not exists (select 1 from messages m where m.chat_id = c.id and m.sender_type::text = 'real')
   order by c.id
), locked as materialized (
  select c.*, c as was, 'QUEUE001' as code, true as lets_go, k.answered, k.spoken_at,
:given_back;
