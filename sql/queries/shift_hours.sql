-- What happened in each hour since an instant: chats taken, how long their users had waited, replies, chats given back unanswered?
-- since: an instant. The wait is the one noted with the assignment, from when the user began to wait until somebody took the chat.
\set waits_noted `cat sql/queries/shared/waits_noted$BEFORE_018.sql`
with turns as (
  select pg_catalog.date_trunc('hour', a.assigned_at) as hour, pg_catalog.count(*) as taken,
         :waits_noted,
         pg_catalog.count(*) filter (where a.released_at is not null and a.release_reason::text is distinct from 'operator_sent_message') as given_back
  from chat_assignments a
  where a.assigned_at >= :'since'::timestamptz
  group by grouping sets ((pg_catalog.date_trunc('hour', a.assigned_at)), ())
), said as (
  select pg_catalog.date_trunc('hour', m.created_at) as hour, pg_catalog.count(*) filter (where m.sender_type::text = 'fictional') as replies,
         pg_catalog.count(*) filter (where m.sender_type::text = 'real') as messages
  from chats c
  cross join lateral (select * from messages w where w.chat_id = c.id and w.created_at >= :'since'::timestamptz offset 0) m
  where c.last_message_at >= :'since'::timestamptz
  group by grouping sets ((pg_catalog.date_trunc('hour', m.created_at)), ())
)
select coalesce(t.hour, s.hour) as hour, coalesce(s.messages, 0) as messages, coalesce(s.replies, 0) as replies,
       coalesce(t.taken, 0) as taken, t.wait_p50_seconds, t.wait_p95_seconds, coalesce(t.waits_known, 0) as waits_known, coalesce(t.given_back, 0) as given_back
from turns t
full join said s on coalesce(s.hour, 'infinity') = coalesce(t.hour, 'infinity')
order by hour nulls first
