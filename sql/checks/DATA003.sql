-- Which replies were stored twice?
-- code: DATA003
-- invariant: I18
-- title: {count} replies were stored twice
-- title-one: 1 reply was stored twice
-- severity: warning
-- advice: all of them were stored before 022
-- group: data
-- kind: history
-- expected: a reply is stored once
-- why: the answer of the server was lost on its way and the application, or the operator, sent again
-- consequence: the user reads the same answer twice; the operator's counter has one too many
-- help-text: it is past, nothing mends it, and after --since (24 h) it is no longer told; a person decides whether to hide it until then: `snooze DATA003 --for 24h --reason past` (what a user has read is not deleted)[before function operator_reply: ; after
--   chatops migrate a request id makes a reply safe to repeat][from function operator_reply: ; a request id (operator_reply) makes a reply safe to repeat]
-- says: an answer came twice
-- reads: chats, messages
-- shares: late_turns, late_messages
\set late_messages `cat sql/checks/shared/late_messages.sql`
with late_messages as materialized (:late_messages)
select m.chat_id, m.handled_by_operator_id as operator_id, m.created_at as sent_at,
       case when pg_catalog.isfinite(m.created_at) then m.created_at - m.repeated_at end as apart_by,
       m.created_at < :'guarded_at'::timestamptz as advice
  from late_messages m
 where m.repeated_at >= m.created_at - interval '1 minute'
 order by m.created_at desc, m.chat_id
