-- Where one chat stands in the queue, and how fast the queue was served in the last hour.
-- needs: chat_queue
select q.waiting_since, q.last_operator_id,
       (select pg_catalog.count(*) from chat_queue b where (b.waiting_since, b.chat_id) < (q.waiting_since, q.chat_id)) as ahead,
       served.served_last_hour, served.served_at,
       (select pg_catalog.count(*) from chat_assignments a where a.assigned_at > greatest(q.waiting_since, came.at) and a.chat_id <> q.chat_id) as taken_meanwhile
  from chat_queue q
 cross join lateral (
   select pg_catalog.count(*) as served_last_hour, pg_catalog.max(a.assigned_at) as served_at
     from chat_assignments a where a.assigned_at > now() - interval '1 hour') as served
 -- Its user may wait longer than it is in the queue; a database before 018 does not know since when it is.
 cross join lateral (select (pg_catalog.to_jsonb(c) ->> 'state_since'::text)::timestamptz as at from chats c where c.id = q.chat_id) as came
 where q.chat_id = :'chat'::uuid
