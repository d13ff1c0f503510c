-- What does the queue's status say now, and what once chatops' own reading functions are in? The chats as they are.
-- needs: chat_queue
select s.total_waiting as waiting, q.waiting as waiting_then,
       (select pg_catalog.count(*) from chats where is_active and chat_state::text = 'waiting_assignment') as in_state,
       s.total_assigned as assigned,
       (select pg_catalog.count(*) from chats
         where is_active and chat_state::text = 'assigned' and assigned_operator_id is not null) as assigned_then,
       s.oldest_waiting_chat as oldest, q.oldest as oldest_then,
       s.average_wait_time_minutes as minutes, q.minutes as minutes_then
  from get_assignment_queue_status() as s
 cross join (
   select pg_catalog.count(*) as waiting, pg_catalog.min(waiting_since) as oldest,
          pg_catalog.round(pg_catalog.avg(extract(epoch from now() - waiting_since) / 60::numeric), 2) as minutes
     from chat_queue
 ) as q
 -- The catalog beside it keeps a Citus cluster from sending the function, which asks all tables, to one node with the rest.
 where exists (select 1 from pg_catalog.pg_class)
