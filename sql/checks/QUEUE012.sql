-- Which chats do not say since when their user waits, or say so although nobody waits?
-- code: QUEUE012
-- title: {count} chats are wrong about whether their user waits
-- title-one: 1 chat is wrong about whether its user waits
-- severity: warning
-- group: data
-- expected: a chat in the queue or with an operator has a waiting_since that can be exactly when a message of its user is unanswered
-- why: rows were restored or written while the triggers were off, or came in after the migration that fills the clocks
-- consequence: the queue goes by this clock: without it nobody is ever given the chat, with a wrong one somebody is for nothing
-- help: repair QUEUE012 --dry-run
-- says: nobody answers; users wait too long
-- reads: chats, messages
-- shares: unanswered
-- unplanted: the deployed system has no clocks of the queue
\set unanswered `cat sql/checks/shared/unanswered.sql`
with unanswered as materialized (:unanswered)
select u.id as chat_id,
       u.chat_state,
       u.assigned_operator_id as operator_id,
       u.waiting_since,
       u.written_at as unanswered_since
  from unanswered u
 where (u.waiting_since is null) <> (u.written_at is null)
union all
select c.id, c.chat_state, c.assigned_operator_id, c.waiting_since, null
  from chats c
 where c.waiting_since not between '0001-01-02' and now() + interval '1 hour'
    or c.state_since not between '0001-01-02' and now() + interval '1 hour'
 order by 5, 1
