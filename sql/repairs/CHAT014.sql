-- Writes the author of the newest reply into chats.last_operator_id.
--
-- order: 140
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

-- In the order of the key, so that the pages of the index are read one after the other.
select c.id as chat_id
  from (
    select id, last_operator_id, assigned_operator_id from chats
     where is_active is not false and chat_state::text is distinct from 'completed' order by id
  ) as c
 cross join lateral (:newest_reply) as reply
 where :forgets_who_answered
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, reply.handled_by_operator_id
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
   cross join lateral (:newest_reply) as reply
   where c.is_active is not false
     and c.chat_state::text is distinct from 'completed'
     and :forgets_who_answered
   order by c.id
), locked as materialized (
  select c.*, c as was, 'CHAT014' as code, k.handled_by_operator_id
:locked_as_judged
), changed as (
  update chats c
     set last_operator_id = l.handled_by_operator_id
:and_logged
)
:mended_and_busy;
