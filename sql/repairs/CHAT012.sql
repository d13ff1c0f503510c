-- Opens a chat again that the reassignment limit closed while its user goes on writing: it waits for an operator.
-- The limit is the one that was given, else that of platform_config, else 3.
--
-- order: 130
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select c.id as chat_id, ended.released_at
  from (:turns_without_reply) as ended
  join chats c on c.id = ended.chat_id and c.chat_state::text = 'completed' and c.assigned_operator_id is null
              and c.last_message_at > ended.released_at
 where exists (select 1 from messages m
                where m.chat_id = c.id and m.sender_type::text = 'real' and m.created_at > ended.released_at)
   and (select pg_catalog.count(*)::numeric from chat_assignments a where a.chat_id = c.id)
       >= coalesce(nullif(:'max_reassignments', '')::numeric,
                  (select case when (p.value #>> '{}'::text[]) ~ '^\s*-?\d{1,9}(\.\d{1,30})?\s*$'
                                and (p.value #>> '{}'::text[])::numeric between 1::numeric and 1000::numeric
                               then (p.value #>> '{}'::text[])::numeric end
                     from platform_config p where p.key::text = 'max_reassignments'),
                  3)
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, f.released_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid, released_at timestamptz)
    join chats c on c.id = f.chat_id
   where c.chat_state::text = 'completed'
     and c.assigned_operator_id is null
     and not exists (select from chat_assignments a
                      where a.chat_id = c.id and (a.released_at is null or a.released_at > f.released_at))
     and exists (select 1 from messages m
                  where m.chat_id = c.id and m.sender_type::text = 'real' and m.created_at > f.released_at)
   order by c.id
), locked as materialized (
  select c.*, c as was, 'CHAT012' as code, k.released_at
:locked_as_judged
), changed as (
  update chats c
     set chat_state = 'waiting_assignment',
         is_active = true,
         updated_at = pg_catalog.now()
:and_logged
)
:mended_and_busy;
