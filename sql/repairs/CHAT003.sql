-- Makes state and operator of a chat agree.
-- Waiting, or without a state, with an operator who is active, has the open assignment, holds nothing else and was not the last
-- to write: the operator is working on it, so it is assigned. Otherwise nobody holds it: not active is completed, answered is
-- waiting for the user, everything else is waiting for an operator; open assignments are closed and heartbeats removed.
-- `chatops repair` leaves out what it would end although the user waits (user_waits); a migration does not.
--
-- order: 30
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

-- Of several such chats of one operator only the newest can be the one.
select w.id as chat_id,
       w.may_keep and pg_catalog.row_number() over (partition by w.assigned_operator_id, w.may_keep
                                         order by w.assignment_time desc nulls last, w.id) = 1 as keeps,
       w.user_waits
  from (
    select c.id, c.assigned_operator_id, c.assignment_time, :ends_a_wait as user_waits,
           :works_on_it
           and coalesce((select m.sender_type::text from messages m where m.chat_id = c.id
                          order by m.created_at desc limit 1), 'real') = 'real' as may_keep
      from chats c
     where c.chat_state is null or (c.chat_state::text = 'assigned') <> (c.assigned_operator_id is not null)
  ) as w
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, held.keeps, not held.keeps as lets_go,
         coalesce(newest.answered, false) as answered, newest.spoken_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid, keeps boolean)
    join chats c on c.id = f.chat_id
:said_last
   cross join lateral (
     select f.keeps
            and :works_on_it
            and newest.answered is not true as keeps
   ) as held
   where c.chat_state is null or (c.chat_state::text = 'assigned') <> (c.assigned_operator_id is not null)
   order by c.id
), locked as materialized (
  select c.*, c as was, 'CHAT003' as code, k.keeps, k.lets_go, k.answered, k.spoken_at,
         'manual_release:repair' as reason
:locked_as_judged
), changed as (
  update chats c
     set chat_state = case when l.keeps then 'assigned'
                           when l.is_active is false or l.chat_state::text = 'completed' then 'completed'
                           when l.answered then 'waiting_real_user_reply'
                           else 'waiting_assignment' end,
         assigned_operator_id = case when l.keeps then l.assigned_operator_id end,
         assignment_time = case when l.keeps then coalesce(l.assignment_time, pg_catalog.now()) end,
         operator_replied_at = case when not l.keeps and l.answered then l.spoken_at else l.operator_replied_at end,
         updated_at = pg_catalog.now()
:letting_go
)
:mended_and_busy;
