-- Which chats wait for over a minute while an operator is free who may have them, and answered nobody within a minute?
-- code: QUEUE004
-- invariant: I26
-- title: {count} chats wait for over a minute although operators are free who answered nobody for as long
-- title-one: 1 chat waits for over a minute although an operator is free who answered nobody for as long
-- narrow: {count} chats wait although operators are free
-- narrow-one: 1 chat waits although operators are free
-- severity: advice
-- group: now
-- expected: nothing waits for over a minute while an operator is free who may have it, and answered nobody for as long
-- why: operators fetch chats: a page that has stopped asking leaves its operator free and the queue as it is
-- consequence: users wait for nothing
-- help: reassign --where QUEUE004 --to auto --dry-run
-- help-text: gives them to whoever is free; where their pages have stopped asking for chats, let them reload these: `operators --free`
-- dated: no
-- says: users wait too long
-- reads: chats, messages, operators, operator_activity, chat_assignments
-- limits: own_chat_after_seconds, silent_minutes
-- needs: chat_queue, operator_load
-- Free is who operator_load says is free, as on every screen; of these some are silent (OPER003), and some have just answered.
with free as materialized (
  select l.operator_id,
         coalesce(l.last_activity > now() - pg_catalog.make_interval(secs => 60::double precision * :'silent_minutes'::double precision), false) as heard,
         -- Who has just answered is about to take the next one. That somebody was heard of says nothing: a page sends that all the time.
         l.operator_id in (select c.last_operator_id from chats c
                            where c.operator_replied_at between now() - interval '1 minute' and now() + interval '1 minute' and c.last_operator_id is not null) as just_answered
    from operator_load l
   where l.load = 'free'
), everybody as materialized (
  select pg_catalog.count(*) as free,
         pg_catalog.count(*) filter (where not f.heard) as silent,
         pg_catalog.count(*) filter (where f.heard and f.just_answered) as just_answered,
         pg_catalog.count(*) filter (where f.heard and not f.just_answered) as operators
    from free f
)
-- Whoever else is free and was heard of, save the last operator of the chat while others come first.
select q.chat_id,
       now() - q.waiting_since as waiting_for,
       e.free as free_operators,
       e.silent as of_them_silent,
       e.just_answered as answered_within_a_minute,
       may.operators as may_take_it
  from chat_queue q
 cross join everybody e
 cross join lateral (
   select e.operators
          - case when q.waiting_since >= now() - pg_catalog.make_interval(secs => :'own_chat_after_seconds'::double precision)
                      and q.last_operator_id in (select f.operator_id from free f where f.heard and not f.just_answered)
                 then 1::bigint else 0::bigint end as operators
 ) as may
 where q.waiting_since < now() - interval '1 minute'
   and may.operators > 0
 order by q.waiting_since, q.chat_id
