-- How many chats are in each state, and since when the oldest of them is in it.
-- A chat in state waiting_assignment in which no user waits, without a message or answered, is told apart.
-- needs: chat_queue
with queued as materialized (
  select pg_catalog.count(*) as chats, pg_catalog.min(waiting_since) as oldest from chat_queue
), states as materialized (
  select c.chat_state, pg_catalog.count(*) as chats,
         pg_catalog.min(case c.chat_state::text when 'assigned' then c.assignment_time
                               when 'waiting_real_user_reply' then c.operator_replied_at end) as oldest
  from chats c
  group by c.chat_state
)
select coalesce(s.chat_state::text, 'none') as state, false as empty, s.chats, s.oldest
from states s
where s.chat_state::text is distinct from 'waiting_assignment'
union all
select 'waiting_assignment', false, q.chats, q.oldest
from queued q
union all
select 'waiting_assignment', true, s.chats - q.chats, null
from states s cross join queued q
where s.chat_state::text = 'waiting_assignment' and s.chats > q.chats
