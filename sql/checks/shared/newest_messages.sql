-- Of each active chat that waits for its user: the newest message, where it is not a reply of the operator whom the chat remembers.
--
-- Several checks ask for it, so the runner asks them together. One look at each chat, in the order of the index, so that its pages
-- are read one after the other: half the time of a pass over all messages, most of which are old.
select c.id as chat_id, newest.sender_type, newest.created_at as written_at
  from (
    select id, last_operator_id from chats
     where chat_state = 'waiting_real_user_reply' and is_active is not false
     order by id
  ) as c
 cross join lateral (
   select m.sender_type, m.handled_by_operator_id, m.created_at
     from messages m
    where m.chat_id = c.id
    order by m.created_at desc
    limit 1
 ) as newest
 where newest.sender_type = 'real'
    or newest.handled_by_operator_id is distinct from c.last_operator_id
