-- Which chats are stuck: in the queue, or with an operator who is there, for too long?
-- code: CHAT013
-- invariant: I21
-- title: {count} chats are stuck, the first for {stuck_for}
-- title-one: 1 chat is stuck for {stuck_for}
-- severity: warning
-- group: data
-- expected: no chat is stuck; waiting for the user is not stuck
-- why: an open tab keeps a chat for hours by its heartbeat, or the queue was never worked off
-- consequence: the user waits; nobody else is called
-- users-wait: yes
-- help: {mend}
-- help-text: all of them: `stuck --longer-than {limit_minutes}m`; those that somebody holds can also be given to others: `reassign --where CHAT013 --to auto --dry-run`; those in the queue need people: a person decides whom to call in
-- says: nobody answers; users wait too long
-- reads: chats, messages, operators, operator_activity
-- limits: stuck_waiting_minutes, stuck_assigned_minutes
-- needs: stuck_chats
-- limit: stuck_waiting_minutes = 1440 min, 1 to 1000000: a wait this long is stuck
-- limit: stuck_assigned_minutes = 60 min, 1 to 1000000: a chat held this long is stuck
-- Operators who are gone are OPER001, overlooked users are CHAT006.
select s.chat_id,
       s.operator_id,
       o.name as operator,
       s.reason as stuck_as,
       now() - s.since as stuck_for,
       case s.reason when 'assigned' then :'stuck_assigned_minutes'::numeric else :'stuck_waiting_minutes'::numeric end
         as limit_minutes,
       case s.reason when 'assigned' then 'release --stuck ' || :'stuck_assigned_minutes'::text || 'm --dry-run' else 'operators --free' end as mend,
       case s.reason when 'assigned' then 'who has it is there and does not answer: an open tab keeps it by its heartbeat'
                     else 'nobody took it from the queue: too few operators work, or none who may have it' end as because,
       case s.reason when 'assigned' then 'the user waits, and nobody else is called' else 'the user waits' end as so
  from stuck_chats s
  left join operators o on o.id = s.operator_id
 where s.reason <> 'unanswered'
   and s.since < now() - pg_catalog.make_interval(mins => case s.reason when 'assigned' then :'stuck_assigned_minutes'::numeric
                                                             else :'stuck_waiting_minutes'::numeric end::integer)
   and (s.reason <> 'assigned'
        or (o.is_active
            and greatest(
                  case when s.since <= now() + interval '1 minute' then s.since end,
                  case when o.last_activity <= now() + interval '1 minute' then o.last_activity end,
                  (select pg_catalog.max(a.last_activity) from operator_activity a
                    where a.chat_id = s.chat_id and a.operator_id = s.operator_id
                      and a.last_activity <= now() + interval '1 minute'))
                >= now() - pg_catalog.make_interval(secs => 60::double precision * (:'idle_timeout_minutes'::double precision
                                                       + :'idle_grace_minutes'::double precision))))
 order by s.since, s.chat_id
