-- Which chats without a user's message are with an operator, or count as waiting?
-- code: QUEUE001
-- invariant: I16
-- title: {count} chats without a user's message were queued or handed out
-- title-one: 1 chat without a user's message was queued or handed out
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: no operator is given a chat in which no user has written
-- why: chats are created as waiting before anybody writes; the deployed assign function takes them for waiting ones, and
--   because it goes by the age of the chat, takes them first
-- consequence: operators are given chats in which there is nothing to answer
-- help: repair QUEUE001 --dry-run
-- says: users wait too long
-- reads: chats, messages, operators
-- Through two indexes: what an operator holds, and the queue.
select c.id as chat_id,
       c.assigned_operator_id as operator_id,
       o.name as operator,
       c.chat_state,
       now() - c.assignment_time as held_for
  from (
    select id, assigned_operator_id, chat_state, assignment_time from chats
     where assigned_operator_id is not null and chat_state::text = 'assigned' and is_active
    union all
    select id, assigned_operator_id, chat_state, assignment_time from chats
     where chat_state::text = 'waiting_assignment' and is_active and waiting_since is not null
  ) as c
  left join operators o on o.id = c.assigned_operator_id
 where not exists (select 1 from messages m where m.chat_id = c.id and m.sender_type::text = 'real')
 order by c.assignment_time, c.id
