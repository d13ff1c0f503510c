-- The active chats in the queue or with an operator: what their clock says, and since when a message of their user is unanswered.
select c.id, c.chat_state, c.assigned_operator_id, c.waiting_since, oldest.written_at
  from chats c
  left join lateral (
    select m.created_at as written_at from messages m
     where m.chat_id = c.id and m.sender_type::text = 'real'
       and m.created_at > coalesce((select r.created_at from messages r
                                     where r.chat_id = c.id and r.sender_type::text = 'fictional'
                                     order by r.created_at desc limit 1), '-infinity')
     order by m.created_at limit 1
  ) as oldest on true
 where c.chat_state::text in ('waiting_assignment', 'assigned')
   and c.is_active is not false
