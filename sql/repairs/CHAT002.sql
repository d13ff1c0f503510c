-- Leaves a chat the newest open assignment of its holder and closes the others.
-- Each ends with its operator's reply, else where the next one began; nobody's heartbeat but the holder's stays.
--
-- order: 70
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select a.chat_id
  from chat_assignments a
  join chats c on c.id = a.chat_id
 where a.released_at is null
   and a.chat_id in (select b.chat_id from chat_assignments b where b.released_at is null
                      group by b.chat_id having pg_catalog.count(*) > 1)
   and a.id is distinct from (
         select h.id from chat_assignments h
          where h.chat_id = a.chat_id and h.released_at is null and h.operator_id = c.assigned_operator_id
          order by h.assigned_at desc, h.id limit 1)
 order by a.chat_id
;

with wrong as materialized (
  select 'CHAT002' as code, :open_assignment
     and exists (select 1 from chat_assignments b where b.chat_id = c.id and b.released_at is null and b.id <> a.id)
     and a.id is distinct from (
           select h.id from chat_assignments h
            where h.chat_id = a.chat_id and h.released_at is null and h.operator_id = c.assigned_operator_id
            order by h.assigned_at desc, h.id limit 1)
),
:ending_assignments;
