-- Chats that wait for an operator and do not say since when: nobody is ever given them. Those in which a user message is unanswered.
select u.since
  from chats c
 cross join lateral (
   select m.created_at as since from messages m
    where m.chat_id = c.id and m.sender_type::text = 'real'
      and m.created_at > coalesce((select r.created_at from messages r
                                    where r.chat_id = c.id and r.sender_type::text = 'fictional'
                                    order by r.created_at desc limit 1), '-infinity')
    order by m.created_at limit 1
 ) as u
 where c.chat_state::text = 'waiting_assignment' and c.is_active is not false and c.waiting_since is null
