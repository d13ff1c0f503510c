-- Sets counters to what they count: the messages of a chat, the replies of an operator.
-- Chats with a message in the window, operators in full; by the difference between counter and count in one snapshot, so that what
-- is written meanwhile stays counted and nobody waits for a count.
--
-- order: 170
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

with kept as materialized (:counted_since)
select c.id as chat_id, null::uuid as operator_id, coalesce(source.messages, 0) - coalesce(c.message_count, 0) as difference,
       pg_catalog.now() as measured_at
  from chats c
  left join (select m.chat_id, pg_catalog.count(*) as messages from messages m group by m.chat_id) as source on source.chat_id = c.id
 cross join kept
 where (c.last_message_at >= pg_catalog.now() - :'since'::interval or (c.last_message_at is null and c.message_count <> 0)
        or c.id in (select p.chat_id from (:newest_pages) as p))
   and coalesce(c.message_count, 0) <> coalesce(source.messages, 0)
   and (c.created_at >= kept.since or coalesce(c.message_count, 0) < coalesce(source.messages, 0))
union all
select null, o.id, o.really - o.counted, pg_catalog.now() from (:operators_miscounted) as o
;

-- What another repair has mended since it was measured is not mended twice.
with found as materialized (
  select f.chat_id, f.operator_id, f.difference, f.measured_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid, operator_id uuid, difference bigint, measured_at timestamptz)
   where not exists (select from chatops.actions a
                      where a.code = 'DATA001' and a.chat_id is not distinct from f.chat_id
                        and a.operator_id is not distinct from f.operator_id and a.at >= f.measured_at)
), chat_candidate as materialized (
  select c.id, c.xmin as seen, f.difference
    from found f
    join chats c on c.id = f.chat_id
   order by c.id
), chat as materialized (
  select c.id, c.message_count, k.difference
    from chat_candidate k
    join chats c on c.id = k.id
   where c.xmin = k.seen
     for no key update of c skip locked
), operator_candidate as materialized (
  select o.id, o.xmin as seen, f.difference
    from found f
    join operators o on o.id = f.operator_id
   where f.chat_id is null
   order by o.id
), operator as materialized (
  select o.id, o.total_messages, k.difference
    from operator_candidate k
    join operators o on o.id = k.id
   where o.xmin = k.seen
     for no key update of o skip locked
), changed_chat as (
  update chats c set message_count = greatest(0, coalesce(c.message_count, 0) + h.difference) from chat h where c.id = h.id
  returning c.id, h.message_count as counted, c.message_count
), changed_operator as (
  update operators o set total_messages = greatest(0, coalesce(o.total_messages, 0) + h.difference) from operator h where o.id = h.id
  returning o.id, h.total_messages as counted, o.total_messages
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'DATA001', n.id, null::uuid, null::text,
         pg_catalog.jsonb_build_object('message_count', n.counted), pg_catalog.jsonb_build_object('message_count', n.message_count)
    from changed_chat n
  union all
  select 'repair', 'DATA001', null::uuid, n.id, 'operators',
         pg_catalog.jsonb_build_object('total_messages', n.counted), pg_catalog.jsonb_build_object('total_messages', n.total_messages)
    from changed_operator n
)
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed_chat) + (select pg_catalog.count(*) from changed_operator),
         'busy', (
           select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', f.chat_id, 'operator_id', f.operator_id,
                                                        'difference', f.difference, 'measured_at', f.measured_at)), '[]')
             from found f
            where (exists (select from chat_candidate k where k.id = f.chat_id)
                   and not exists (select from chat h where h.id = f.chat_id))
               or (f.chat_id is null and exists (select from operator_candidate k where k.id = f.operator_id)
                   and not exists (select from operator h where h.id = f.operator_id))));
