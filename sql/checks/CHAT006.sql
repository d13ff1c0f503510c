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
-- One pass over the messages (`offset 0` keeps the planner from a look at each chat, which takes four times as long on millions).
-- A chat's last message is within a minute of last_message_at, which application and trigger write with different clocks.
select c.id as chat_id,
       newest.user_wrote_at,
       c.operator_replied_at,
       c.last_operator_id
  from (
    select m.chat_id,
           max(m.created_at) filter (where m.sender_type = 'real') as user_wrote_at,
           max(m.created_at) filter (where m.sender_type = 'fictional') as answered_at
      from (select chat_id, sender_type, created_at from messages offset 0) as m
      join chats d on d.id = m.chat_id
     where d.chat_state = 'waiting_real_user_reply'
       and d.is_active is not false
       and m.created_at >= coalesce(d.last_message_at - interval '1 minute', '-infinity')
     group by m.chat_id
    having max(m.created_at) filter (where m.sender_type = 'real')
           > coalesce(max(m.created_at) filter (where m.sender_type = 'fictional'), '-infinity')
  ) as newest
  join chats c on c.id = newest.chat_id
 order by newest.user_wrote_at, c.id
