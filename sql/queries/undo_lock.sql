-- Which chats are still as these actions left them? Those stay locked until the transaction ends; nobody is waited for.
-- actions: their numbers. A database without the queue's clocks has no epoch to compare: none was logged.
\set epoch `cat sql/queries/shared/epoch$BEFORE_018.sql`
select a.id as action_id
from chatops.actions a
cross join lateral pg_catalog.jsonb_populate_record(null::chats, a.after -> 'chat'::text) as left_as
join chats c on c.id = a.chat_id
where a.id = any(:'actions'::bigint[])
  and c.chat_state::text is not distinct from left_as.chat_state::text
  and c.is_active is not distinct from left_as.is_active
  and c.assigned_operator_id is not distinct from left_as.assigned_operator_id
  and c.assignment_time is not distinct from left_as.assignment_time
  and c.last_operator_id is not distinct from left_as.last_operator_id
  and c.operator_replied_at is not distinct from left_as.operator_replied_at
  and coalesce((:epoch)::bigint::text = a.after #>> '{chat,epoch}'::text[], true)
for no key update of c skip locked
