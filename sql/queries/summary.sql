-- How many chats are in each state, and since when the oldest of them is in it.
-- Chats in state waiting_assignment that are not in the queue are told apart, by why: nobody has written, they were answered,
-- their flag says that they are over, or a user waits all the same.
-- needs: chat_queue
\set not_queued `cat sql/queries/shared/not_queued$BEFORE_018.sql`
\set newest_message `cat sql/queries/shared/newest_message$BEFORE_018.sql`
with queued as materialized (
  select pg_catalog.count(*) as chats, pg_catalog.min(waiting_since) as oldest from chat_queue
), states as materialized (
  select c.chat_state::text as chat_state, apart.why, pg_catalog.count(*) as chats,
         pg_catalog.min(case c.chat_state::text when 'assigned' then c.assignment_time
                               when 'waiting_real_user_reply' then c.operator_replied_at end) as oldest
  from chats c
  cross join lateral (
    select case when c.chat_state::text is distinct from 'waiting_assignment' then null
                when c.is_active is not true then 'not active'
                when :not_queued then
                  coalesce((select case when newest.sender_type::text = 'real' then 'no queue' else 'answered' end
                              from (:newest_message) as newest), 'no message') end as why
  ) as apart
  group by 1, 2
)
select coalesce(s.chat_state, 'none') as state, false as empty, null::text as why, s.chats, s.oldest
from states s
where s.chat_state is distinct from 'waiting_assignment'
union all
select 'waiting_assignment', false, null, q.chats, q.oldest
from queued q
union all
select 'waiting_assignment', true, s.why, s.chats, null
from states s
where s.why is not null
