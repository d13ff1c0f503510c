-- How many chats have waited for long while no operator is free?
-- code: QUEUE011
-- title: {in_queue} wait and nobody is free, {count} of them for over {longer_than}
-- title-one: {in_queue} wait and nobody is free, 1 of them for over {longer_than}
-- narrow: {count} chats wait and nobody is free
-- narrow-one: 1 chat waits and nobody is free
-- severity: warning
-- critical: not one operator is available, whether with a chat or without
-- group: now
-- expected: while nobody is free, nobody waits for longer than a third of the promised time
-- why: every operator on shift holds a chat, or nobody is on shift; chats held by operators who left count as held
-- consequence: nothing leaves the queue until an operator answers or comes on shift
-- users-wait: yes
-- dated: no
-- help: operators
-- help-text: a person decides, for only operators answer: call some in (`operators` says who is away); `release --idle --dry-run` shows what silent ones hold
-- says: nobody answers
-- reads: chats, messages, operators, operator_activity
-- limits: queue_sla_minutes
-- needs: chat_queue, operator_load
-- unplanted: nobody is free: the demo has free operators, who are what QUEUE004 is about
-- That all are busy for a moment is an ordinary evening; that nobody works at all is said after a minute.
with crew as materialized (
  select pg_catalog.count(*) filter (where l.load = 'free') as free,
         pg_catalog.count(*) filter (where l.load = 'busy') as busy,
         pg_catalog.count(*) filter (where l.is_active and l.is_available) as able,
         pg_catalog.count(*) filter (where l.load = 'away' and l.is_active) as away
    from operator_load l
)
select q.chat_id,
       now() - q.waiting_since as waiting_for,
       crew.busy as operators_busy,
       crew.away as operators_away,
       waits.in_queue,
       limits.longer_than,
       crew.able = 0 as critical,
       case when crew.able = 0 then 'not one operator is available'
            when crew.busy > 0 then 'every operator on shift holds a chat; chats held by operators who left count as held'
            else 'nobody on shift is free' end as because,
       case when crew.busy = 0 then 'nothing leaves the queue until somebody comes on shift'
            when crew.able = 0 then 'nothing leaves the queue: who answers now is given no next chat until they come on shift again'
            else 'nothing leaves the queue until one of them answers' end as so
  from chat_queue q
 cross join crew
 cross join (select pg_catalog.count(*) as in_queue from chat_queue) as waits
 cross join lateral (
   select case when crew.busy = 0 then interval '1 minute'
               else pg_catalog.make_interval(secs => 20::double precision * :'queue_sla_minutes'::double precision) end as longer_than
 ) as limits
 where crew.free = 0
   and q.waiting_since < now() - limits.longer_than
 order by q.waiting_since, q.chat_id
