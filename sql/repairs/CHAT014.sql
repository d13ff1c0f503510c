-- Writes the author of the newest reply into chats.last_operator_id.
--
-- order: 140
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\set locked_as_judged `cat sql/repairs/shared/locked_as_judged.sql`
\set and_logged `cat sql/repairs/shared/and_logged.sql`
\set chats_logged `cat sql/repairs/shared/chats_logged.sql`

-- In the order of the key, so that the pages of the index are read one after the other.
select c.id as chat_id
  from (
    select id, last_operator_id, assigned_operator_id from chats
     where is_active is not false and chat_state::text is distinct from 'completed' order by id
  ) as c
 cross join lateral (
   select m.handled_by_operator_id, m.created_at from messages m
    where m.chat_id = c.id and m.sender_type::text = 'fictional' order by m.created_at desc limit 1
 ) as reply
 where reply.handled_by_operator_id is not null
   and c.last_operator_id is distinct from reply.handled_by_operator_id
   and (c.last_operator_id is null
        or (c.last_operator_id is distinct from c.assigned_operator_id
            and not exists (
              select 1 from chat_assignments a
               where a.chat_id = c.id and a.operator_id = c.last_operator_id
                 and coalesce(a.released_at, 'infinity') > reply.created_at)))
;

with candidate as materialized (
  select c.id, c.xmin as seen, reply.handled_by_operator_id
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
   cross join lateral (
     select m.handled_by_operator_id, m.created_at from messages m
      where m.chat_id = c.id and m.sender_type::text = 'fictional' order by m.created_at desc limit 1
   ) as reply
   where c.is_active is not false
     and c.chat_state::text is distinct from 'completed'
     and reply.handled_by_operator_id is not null
     and c.last_operator_id is distinct from reply.handled_by_operator_id
     and (c.last_operator_id is null
          or (c.last_operator_id is distinct from c.assigned_operator_id
              and not exists (
                select 1 from chat_assignments a
                 where a.chat_id = c.id and a.operator_id = c.last_operator_id
                   and coalesce(a.released_at, 'infinity') > reply.created_at)))
   order by c.id
), locked as materialized (
  select c.*, c as was, 'CHAT014' as code, k.handled_by_operator_id
:locked_as_judged
), changed as (
  update chats c
     set last_operator_id = l.handled_by_operator_id
:and_logged
)
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', k.id)), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)));
