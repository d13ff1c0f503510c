-- Which replies were written by an operator who did not hold the chat at that time?
-- code: CHAT009
-- invariant: I9
-- title: {count} replies came from operators who did not hold the chat
-- title-one: 1 reply came from an operator who did not hold the chat
-- severity: warning
-- advice: all of them came before 022, which refuses such replies
-- group: data
-- kind: history
-- meanwhile: yes
-- expected: a reply is written by the operator who holds the chat at that time
-- why: the application asks who holds the chat before it writes, not while it writes: an operator who lost the chat to the
--   idle cron or an admin still sends, and takes it from its new holder
-- consequence: the user gets an answer from one operator while another one is writing theirs
-- help-text: it is past, nothing mends it, and after --since (24 h) it is no longer told; a person decides whether to hide it until then: `snooze CHAT009 --for 24h --reason past`[before trigger messages.chatops_keep_message: ; chatops migrate
--   refuses late replies from then on][from trigger messages.chatops_keep_message: ; late replies are refused, unless `guard` says that the guards are off]
-- says: operator loses the chat; an answer came twice
-- reads: chats, messages, chat_assignments, operators
-- shares: late_turns, late_messages
-- What came before the guards is advice: it cannot come again. A second on either side: the statements of one reply are apart by that much.
\set late_turns `cat sql/checks/shared/late_turns.sql`
\set late_messages `cat sql/checks/shared/late_messages.sql`
with late_turns as materialized (:late_turns),
late_messages as materialized (:late_messages)
select m.chat_id,
       m.handled_by_operator_id as operator_id,
       o.name as operator,
       m.created_at as replied_at,
       (select a.operator_id from chat_assignments a
         where a.chat_id = m.chat_id and a.assigned_at <= m.created_at and coalesce(a.released_at, 'infinity') >= m.created_at
         order by a.assigned_at desc limit 1) as held_by_id,
       m.created_at < :'guarded_at'::timestamptz as advice
  from late_messages m
  left join operators o on o.id = m.handled_by_operator_id
 where m.handled_by_operator_id is not null
   and not exists (
     select 1 from late_turns a
      where a.chat_id = m.chat_id
        and a.operator_id = m.handled_by_operator_id
        and a.assigned_at <= m.created_at + interval '1 second'
        and coalesce(a.released_at, 'infinity') >= m.created_at - interval '1 second')
 order by m.created_at desc, m.chat_id
