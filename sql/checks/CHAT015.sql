-- Which chats go from operator to operator without an answer?
-- code: CHAT015
-- title: {count} chats go from operator to operator without an answer
-- title-one: 1 chat goes from operator to operator without an answer
-- brief: {count} passed on and on without an answer
-- severity: warning
-- advice: all of them were let go before 022, which ended that
-- group: data
-- kind: history
-- expected: a chat is not released several times in a row without a reply
-- why: operators skip a chat that is difficult, or their sessions end while they have it
-- consequence: the user waits through all of them; the reassignment limit will close the chat
-- users-wait: yes
-- help: {mend}
-- help-text: it is over once somebody answers: a person decides who, `operators --free` says who can; who holds it now may need help
-- says: nobody answers; users wait too long
-- reads: chats, chat_assignments, messages
-- limits: releases_without_reply
-- shares: late_turns
-- limit: releases_without_reply = 3 times, 2 to 1000000: so many releases in the window without a reply between them
\set late_turns `cat sql/checks/shared/late_turns.sql`
with late_turns as materialized (:late_turns)
select c.id as chat_id,
       pg_catalog.count(*) as releases,
       pg_catalog.count(distinct a.operator_id) as operators,
       pg_catalog.max(a.released_at) as released_at,
       -- From whoever holds it now it is not taken once more.
       case when pg_catalog.bool_or(c.chat_state::text = 'waiting_assignment') then 'reassign ' || c.id::text || ' --to auto --dry-run' end as mend,
       pg_catalog.max(a.released_at) < :'guarded_at'::timestamptz as advice
  from (
    -- Of few chats so many releases are known, whatever was written between them.
    select one.chat_id, one.operator_id, one.released_at
      from (
        select t.chat_id, t.operator_id, t.released_at, pg_catalog.count(*) over (partition by t.chat_id) as releases
          from late_turns t
         where t.released_at >= now() - :'since'::interval
           and t.release_reason::text is distinct from 'operator_sent_message'
      ) as one
     where one.releases::numeric >= :'releases_without_reply'::numeric
    offset 0
  ) as a
  join chats c on c.id = a.chat_id
 where c.is_active
   and c.chat_state::text is distinct from 'completed'
   and a.released_at > coalesce((select m.created_at from messages m
                                  where m.chat_id = c.id and m.sender_type::text = 'fictional'
                                  order by m.created_at desc limit 1), '-infinity')
 group by c.id
having pg_catalog.count(*)::numeric >= :'releases_without_reply'::numeric
   and pg_catalog.count(distinct a.operator_id) > 1
 order by advice nulls first, pg_catalog.count(*) desc, c.id
