-- Closes open assignments of operators who do not hold the chat.
-- Each ends with its operator's reply, else where the next one began, else now; their heartbeat goes too. An application that let
-- the chat go less than 5 seconds ago is about to close its row itself, with the reason.
--
-- order: 80
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

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
  select 'CHAT004' as code, :open_assignment
     and a.operator_id is distinct from c.assigned_operator_id
     and (c.assigned_operator_id is not null
          or coalesce((pg_catalog.to_jsonb(c) ->> 'state_since'::text)::timestamptz < pg_catalog.now() - interval '5 seconds', true))
),
:ending_assignments;
