-- Which chats wait while an operator who may have them has been free for over a minute?
-- code: QUEUE004
-- invariant: I26
-- title: {count} chats wait although operators are free
-- title-one: 1 chat waits although operators are free
-- severity: advice
-- group: now
-- expected: nothing waits for over a minute while an operator who may have it has been free for as long
-- why: operators fetch chats: a page that has stopped asking leaves its operator free and the queue as it is
-- consequence: users wait for nothing
-- help: operators
-- help-text: let them reload their page, or reassign the chats to them
-- says: users wait too long
-- reads: chats, messages, operators, operator_activity, chat_assignments
-- limits: own_chat_after_seconds, silent_minutes
-- needs: chat_queue, operator_load
select q.chat_id,
       now() - q.waiting_since as waiting_for,
       free.operators as free_operators
  from chat_queue q
 cross join lateral (
   select pg_catalog.count(*) as operators
     from operator_load l
    where l.load = 'free'
      and l.last_activity < now() - interval '1 minute'
      and l.last_activity > now() - pg_catalog.make_interval(secs => 60::double precision * :'silent_minutes'::double precision)
      and (l.operator_id is distinct from q.last_operator_id
           or q.waiting_since < now() - pg_catalog.make_interval(secs => :'own_chat_after_seconds'::double precision))
 ) as free
 where q.waiting_since < now() - interval '1 minute'
   and free.operators > 0
 order by q.waiting_since, q.chat_id
