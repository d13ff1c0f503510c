-- Which chats were taken from their holder at a message of their user: without a reply, an idle release or a forced action?
-- code: CHAT016
-- title: {count} chats were taken from their holder when the user wrote
-- title-one: 1 chat was taken from its holder when the user wrote
-- severity: warning
-- advice: all of them lost it before 022, which ended that
-- group: data
-- kind: history
-- meanwhile: yes
-- expected: whoever holds a chat keeps it until they reply, give it back, fall silent, or an admin moves it
-- why: the application's code was not deployed: its old code puts a chat into the queue at each message of its user, whoever
--   holds it[from trigger chats.chatops_guard_chat: ; the guards absorb that, so they were off or did not work (CONF002, DB017)]
-- consequence: operators lose the chat that they are answering, and the user gets two operators in one conversation
-- help-text: it is past, nothing mends it, and after --since (24 h) it is no longer told; a person decides whether to hide it until then: `snooze CHAT016 --for 24h --reason past`; deploy the application's code (step 2 of the guide: `deploy --dry-run` says what runs it)[before trigger chats.chatops_guard_chat: ; chatops migrate absorbs
--   such writes of the old code]
-- says: operator loses the chat; the deploy is not right
-- reads: chat_assignments, messages, chats, operators
-- shares: late_turns
-- A turn that somebody ended for a reason ends in it; the rest ended at a message. Five seconds: the application's statements
-- of one request are apart by less. What came before the guards is advice: it cannot come again.
\set late_turns `cat sql/checks/shared/late_turns.sql`
with late_turns as materialized (:late_turns)
select a.chat_id,
       a.operator_id,
       lost.lost_at,
       a.release_reason as ended_as,
       lost.lost_at < :'guarded_at'::timestamptz as advice
  from late_turns a
 cross join lateral (
   -- Few chats had two turns; `offset 0` keeps the planner from looking twice.
   select least(a.released_at,
                case when a.chat_id in (select t.chat_id from late_turns t group by t.chat_id having pg_catalog.count(*) > 1)
                     then (select pg_catalog.min(b.assigned_at) from chat_assignments b
                            where b.chat_id = a.chat_id and b.operator_id <> a.operator_id and b.assigned_at > a.assigned_at
                              and (a.released_at is null or b.assigned_at < a.released_at)) end) as lost_at
   offset 0
 ) as lost
 where a.assigned_at >= now() - :'since'::interval
   and lost.lost_at is not null
   and (lost.lost_at < a.released_at or a.released_at is null
        or (a.release_reason::text is distinct from 'operator_sent_message'
            and coalesce(a.release_reason::text, '') not ilike all (array['%idle%', 'manual%', 'max_reassign%', '%closed%'])))
   and exists (
     select 1 from messages m
      where m.chat_id = a.chat_id and m.sender_type::text = 'real' and m.created_at > a.assigned_at
        and m.created_at <= lost.lost_at
        and (m.created_at >= lost.lost_at - interval '5 seconds' or lost.lost_at is distinct from a.released_at))
   and not exists (
     select 1 from messages m
      where m.chat_id = a.chat_id and m.sender_type::text = 'fictional' and m.handled_by_operator_id = a.operator_id
        and m.created_at between a.assigned_at and lost.lost_at + interval '1 second')
   -- Who closes a chat, blocks its user or switches its operator off takes it from them, whatever was written a moment before.
   -- Looked up for the few that are left.
   and (select pg_catalog.bool_or(c.is_active is not true or c.chat_state::text = 'completed') from chats c
         where c.id = a.chat_id and lost.lost_at is not null) is not true
   and not exists (select 1 from operators o where o.id = a.operator_id and o.is_active is not true)
   -- An admin's move, and a close by limit or by hand, leave a turn that says so.
   and not exists (
     select 1 from chat_assignments f
      where f.chat_id = a.chat_id and f.release_reason::text like 'manual%'
        and f.released_at between lost.lost_at - interval '5 seconds' and lost.lost_at + interval '5 seconds')
 order by advice nulls first, lost.lost_at desc, a.chat_id
