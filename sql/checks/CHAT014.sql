-- Which answered chats do not remember the operator who answered?
-- code: CHAT014
-- invariant: I27
-- title: {count} answered chats do not remember who answered
-- title-one: 1 answered chat does not remember who answered
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: an active chat with a reply remembers the writer of its newest reply as the last operator
-- why: an admin's reassign, a late reply or a restored row wrote another operator, or none
-- consequence: the assign function cannot keep the chat from the operator who just had it
-- help: repair CHAT014 --dry-run
-- says: gets the same chat again
-- reads: chats, messages, chat_assignments
-- shares: newest_messages
-- Active chats. Of the many that wait for their user only those are looked at in which somebody else wrote last.
\set newest_messages `cat sql/checks/shared/newest_messages.sql`
\set newest_reply `cat sql/repairs/shared/newest_reply.sql`
\set forgets_who_answered `cat sql/repairs/shared/forgets_who_answered.sql`
with newest_messages as materialized (:newest_messages)
select c.id as chat_id,
       reply.handled_by_operator_id as answered_by_id,
       c.last_operator_id,
       reply.created_at as answered_at
  from (
    select n.chat_id as id, n.last_operator_id, n.assigned_operator_id from newest_messages n
    union
    select d.id, d.last_operator_id, d.assigned_operator_id from chats d
     where d.is_active is not false
       and d.chat_state::text is distinct from 'completed'
       and (d.last_operator_id is null or d.chat_state::text is distinct from 'waiting_real_user_reply')
  ) as c
 cross join lateral (:newest_reply) as reply
 where :forgets_who_answered
 order by reply.created_at desc, c.id
