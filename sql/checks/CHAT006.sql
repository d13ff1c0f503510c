-- Which chats wait for the user although the user spoke last?
-- code: CHAT006
-- invariant: I6
-- title: {count} chats wait for a user who spoke last: their message is lost
-- title-one: 1 chat waits for a user who spoke last: the message is lost
-- severity: warning
-- group: data
-- expected: a chat that waits for its user was answered last
-- why: the user wrote while the operator was replying: the message left the chat assigned, then the reply put it to
--   waiting for the user without looking again
-- consequence: the chat is in nobody's queue and nobody is ever called, until the user writes once more
-- help: repair CHAT006 --dry-run
-- says: nobody answers · a message was lost
-- reads: chats, messages
-- shares: newest_messages
select c.id as chat_id,
       n.user_wrote_at,
       c.operator_replied_at,
       c.last_operator_id
  from newest_messages n
  join chats c on c.id = n.chat_id
 where n.user_wrote_at > coalesce(n.answered_at, '-infinity')
 order by n.user_wrote_at, c.id
