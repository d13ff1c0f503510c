-- Removes heartbeats of operators who do not hold the chat.
--
-- order: 120
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.

select a.chat_id, a.operator_id
  from operator_activity a
  join chats c on c.id = a.chat_id
 where a.operator_id is distinct from c.assigned_operator_id
;

with candidate as materialized (
  select a.chat_id, a.operator_id, a.xmin as seen, c.xmin as chat_seen
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid, operator_id uuid)
    join operator_activity a on a.chat_id = f.chat_id and a.operator_id = f.operator_id
    join chats c on c.id = a.chat_id
   where a.operator_id is distinct from c.assigned_operator_id
   order by a.chat_id, a.operator_id
), locked as materialized (
  select a.chat_id, a.operator_id
    from candidate k
    join chats c on c.id = k.chat_id
    join operator_activity a on a.chat_id = k.chat_id and a.operator_id = k.operator_id
   where a.xmin = k.seen and c.xmin = k.chat_seen
     for no key update of c, a skip locked
), changed as (
  delete from operator_activity a using locked l where a.chat_id = l.chat_id and a.operator_id = l.operator_id
  returning a.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT008', n.chat_id, n.operator_id, 'operator_activity',
  pg_catalog.jsonb_build_object('last_activity', n.last_activity), null
    from changed n
)
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', k.chat_id, 'operator_id', k.operator_id)), '[]')
                    from candidate k
                   where not exists (select from locked l where l.chat_id = k.chat_id and l.operator_id = k.operator_id)));
