-- Leaves an operator who holds several chats the one they are active on; the others go back.
-- Kept: an assigned chat before others, then the newest heartbeat, then the newest assignment. Each other chat goes where its
-- messages say: to the queue when the user spoke last, to waiting for the user when it was answered; its open assignment is
-- closed and its heartbeat removed.
--
-- order: 40
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select held.chat_id, held.kept
  from (
    select c.id as chat_id, pg_catalog.first_value(c.id) over held as kept
      from chats c
     where c.is_active is not false
       and c.assigned_operator_id in (
             select d.assigned_operator_id from chats d
              where d.assigned_operator_id is not null and d.is_active is not false
              group by d.assigned_operator_id having pg_catalog.count(*) > 1)
    window held as (
      partition by c.assigned_operator_id
      order by (c.chat_state::text = 'assigned') desc nulls last,
               (select pg_catalog.max(a.last_activity) from operator_activity a
                 where a.chat_id = c.id and a.operator_id = c.assigned_operator_id) desc nulls last,
               c.assignment_time desc nulls last, c.id)
  ) as held
 where held.chat_id <> held.kept
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found,
         coalesce(newest.answered, false) as answered, newest.spoken_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid, kept uuid)
    join chats c on c.id = f.chat_id
    join chats h on h.id = f.kept and h.assigned_operator_id = c.assigned_operator_id and h.is_active is not false
:said_last
   where c.is_active is not false and c.id <> h.id
   order by c.id
), locked as materialized (
  select c.*, c as was, 'CHAT001' as code, true as lets_go, k.answered, k.spoken_at,
:given_back;
