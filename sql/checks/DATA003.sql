-- Which replies were stored twice?
-- code: DATA003
-- invariant: I18
-- title: {count} replies were stored twice
-- title-one: 1 reply was stored twice
-- severity: warning
-- group: data
-- kind: history
-- expected: a reply is stored once
-- why: the answer of the server was lost on its way and the application, or the operator, sent again
-- consequence: the user reads the same answer twice; the operator's counter has one too many
-- help-text: nothing automatic does: what a user has read is not deleted; a request id makes a reply safe to repeat ({made by function operator_reply} and up)
-- says: an answer came twice
-- reads: chats, messages
-- shares: late_turns, late_messages
\set late_messages `cat sql/checks/shared/late_messages.sql`
with late_messages as materialized (:late_messages)
select found.chat_id, found.operator_id, found.created_at as sent_at, found.created_at - found.previous_at as apart_by,
       found.created_at < :'guarded_at'::timestamptz as advice
  from (
    select m.chat_id, m.handled_by_operator_id as operator_id, m.created_at, m.sender_type, m.content,
           pg_catalog.lag(m.created_at) over conversation as previous_at,
           pg_catalog.lag(m.content::text) over conversation as previous_content,
           pg_catalog.lag(m.sender_type::text) over conversation as previous_sender,
           pg_catalog.lag(m.handled_by_operator_id) over conversation as previous_operator_id
      from late_messages m
    window conversation as (partition by m.chat_id order by m.created_at, m.id)
  ) as found
 where found.sender_type::text = 'fictional'
   and found.previous_sender = 'fictional'
   and found.content::text = found.previous_content
   and found.operator_id is not distinct from found.previous_operator_id
   and found.created_at - found.previous_at <= interval '1 minute'
 order by found.created_at desc, found.chat_id
