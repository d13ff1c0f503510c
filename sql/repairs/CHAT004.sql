-- Closes open assignments of operators who do not hold the chat.
-- Each ends with its operator's reply, else where the next one began, else now; their heartbeat goes too. An application that let
-- the chat go less than 5 seconds ago is about to close its row itself, with the reason.
--
-- order: 80
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\set ending_assignments `cat sql/repairs/shared/ending_assignments.sql`
\set assignments_logged `cat sql/repairs/shared/assignments_logged.sql`

select a.chat_id
  from chat_assignments a
  join chats c on c.id = a.chat_id
 where a.released_at is null
   and a.operator_id is distinct from c.assigned_operator_id
   and (c.assigned_operator_id is not null
        or coalesce((pg_catalog.to_jsonb(c) ->> 'state_since'::text)::timestamptz < pg_catalog.now() - interval '5 seconds', true))
 order by a.chat_id
;

with wrong as materialized (
  select a.id, 'CHAT004' as code, a.xmin as seen, a.chat_id, a.operator_id, a.assigned_at, c.xmin as chat_seen
    from chats c
    join chat_assignments a on a.chat_id = c.id
   where c.id in (select f.chat_id from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid))
     and a.released_at is null
     and a.operator_id is distinct from c.assigned_operator_id
     and (c.assigned_operator_id is not null
          or coalesce((pg_catalog.to_jsonb(c) ->> 'state_since'::text)::timestamptz < pg_catalog.now() - interval '5 seconds', true))
),
:ending_assignments
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from closed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', k.chat_id)), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)));
