-- What did each operator do since an instant: chats taken, replies, how long users waited for them, chats given back unanswered?
-- since: an instant. One row for each operator who did something or may take chats.
with replies as (
  select m.handled_by_operator_id as operator_id, pg_catalog.count(*) as replies, pg_catalog.count(distinct m.chat_id) as answered,
         pg_catalog.min(m.created_at) as first_reply, pg_catalog.max(m.created_at) as last_reply
  from chats c
  cross join lateral (
    select * from messages w
     where w.chat_id = c.id and w.sender_type::text = 'fictional' and w.created_at >= :'since'::timestamptz offset 0
  ) m
  where c.last_message_at >= :'since'::timestamptz
  group by 1
), turns as (
  select a.operator_id, pg_catalog.count(*) as taken,
         pg_catalog.count(*) filter (where a.released_at is not null and a.release_reason::text is distinct from 'operator_sent_message') as given_back,
         pg_catalog.percentile_cont(0.5) within group (order by pg_catalog.date_part('epoch', a.released_at - a.assigned_at))
           filter (where a.release_reason::text = 'operator_sent_message') as answer_p50_seconds,
         pg_catalog.percentile_cont(0.95) within group (order by pg_catalog.date_part('epoch', a.released_at - a.assigned_at))
           filter (where a.release_reason::text = 'operator_sent_message') as answer_p95_seconds
  from chat_assignments a
  where a.assigned_at >= :'since'::timestamptz
  group by 1
)
select o.id as operator_id, o.name, coalesce(t.taken, 0) as taken, coalesce(r.answered, 0) as answered,
       coalesce(r.replies, 0) as replies, t.answer_p50_seconds, t.answer_p95_seconds, coalesce(t.given_back, 0) as given_back,
       r.first_reply, r.last_reply
from operators o
left join replies r on r.operator_id = o.id
left join turns t on t.operator_id = o.id
where r.operator_id is not null or t.operator_id is not null or (o.is_active and o.is_available)
order by coalesce(r.replies, 0) desc, o.name, o.id
