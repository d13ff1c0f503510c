-- Which chats without a user's message are with an operator?
select c.id as chat_id,
       c.assigned_operator_id as operator_id,
       o.name as operator,
       c.chat_state,
       now() - c.assignment_time as held_for
  from chats c
  left join operators o on o.id = c.assigned_operator_id
 where c.assigned_operator_id is not null
   and c.chat_state::text = 'assigned'
   and c.is_active
   and not exists (select 1 from messages m where m.chat_id = c.id and m.sender_type::text = 'real')
 order by c.assignment_time, c.id
