-- Which answered chats are marked as waiting?
-- code: CHAT007
-- invariant: I7
-- title: {count} answered chats are marked as waiting
-- title-one: 1 answered chat is marked as waiting
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: no chat whose last message is the operator's waits for an operator
-- why: an idle release that had waited behind the reply did not look again, and put the answered chat back to waiting
-- consequence: it is in state waiting_assignment, answered already, and counts as nobody who waits; where 018 is not in, an operator is given it though it needs nothing, and users who do wait, wait longer
-- help: repair CHAT007 --dry-run
-- says: gets the same chat again; users wait too long
-- reads: chats, messages
-- What is not plainly active is in nobody's queue, and CHAT011: so the index of the queue is enough.
select c.id as chat_id,
       newest.created_at as answered_at,
       newest.handled_by_operator_id as answered_by_id
  from chats c
 cross join lateral (
   select m.sender_type, m.created_at, m.handled_by_operator_id
     from messages m
    where m.chat_id = c.id
    order by m.created_at desc
    limit 1
 ) as newest
 where c.chat_state::text = 'waiting_assignment'
   and c.assigned_operator_id is null
   and c.is_active
   and newest.sender_type::text = 'fictional'
 order by newest.created_at, c.id
