-- Before 018 no chat has a clock that could be wrong.
select c.id as chat_id, c.chat_state, c.assigned_operator_id as operator_id, c.created_at as waiting_since, c.created_at as unanswered_since,
       null::text as trouble
  from chats c
 where false
