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
select c.id as chat_id,
       newest.created_at as user_wrote_at,
       c.operator_replied_at,
       c.last_operator_id
  from chats c
 cross join lateral (
   select m.sender_type, m.created_at
     from messages m
    where m.chat_id = c.id
    order by m.created_at desc
    limit 1
 ) as newest
 where c.chat_state = 'waiting_real_user_reply'
   and c.is_active is not false
   and newest.sender_type = 'real'
 order by newest.created_at, c.id
