-- Which of the planned chats are still as planned? Those stay locked until the transaction ends; nobody is waited for.
-- A database without the queue's clocks has no epoch: the last assignment or reply stands for it.
-- chats, states, active, operators, epochs: what the plan saw, one entry a chat
\set epoch `cat sql/queries/shared/epoch$BEFORE_018.sql`
select c.id as chat_id
from unnest(:'chats'::uuid[], :'states'::text[], :'active'::boolean[], :'operators'::uuid[], :'epochs'::bigint[])
     as planned(id, chat_state, is_active, operator_id, epoch)
join chats c on c.id = planned.id
where c.chat_state::text is not distinct from planned.chat_state::text
  and coalesce(c.is_active, true) = planned.is_active
  and c.assigned_operator_id is not distinct from planned.operator_id
  and (:epoch)::bigint is not distinct from planned.epoch
for no key update of c skip locked
