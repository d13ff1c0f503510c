-- Opens the missing assignment of a chat's holder.
-- It begins at the chat's assignment time, but not before the end of the assignment that came before it.
--
-- order: 90
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select c.id as chat_id
  from chats c
 where c.chat_state::text = 'assigned'
   and c.assigned_operator_id is not null
   and c.is_active is not false
   and not exists (select 1 from chat_assignments a
                    where a.chat_id = c.id and a.released_at is null and a.operator_id = c.assigned_operator_id)
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found,
         greatest(least(coalesce(c.assignment_time, c.updated_at, pg_catalog.now()), pg_catalog.now()),
                  earlier.ended_at) as began_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
   cross join lateral (
     select pg_catalog.max(a.released_at) as ended_at from chat_assignments a where a.chat_id = c.id and a.released_at <= pg_catalog.now()
   ) as earlier
   where c.chat_state::text = 'assigned'
     and c.assigned_operator_id is not null
     and c.is_active is not false
     and not exists (select 1 from chat_assignments a
                      where a.chat_id = c.id and a.released_at is null and a.operator_id = c.assigned_operator_id)
   order by c.id
), locked as materialized (
  select c.*, k.began_at
:locked_as_judged
), changed as (
  insert into chat_assignments (chat_id, operator_id, assigned_at)
  select l.id, l.assigned_operator_id, l.began_at from locked l
  returning *
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT005', n.chat_id, n.operator_id, 'chat_assignments '::text || n.id::text, null,
         pg_catalog.jsonb_build_object('assigned_at', n.assigned_at, 'released_at', n.released_at)
    from changed n
)
:mended_and_busy;
