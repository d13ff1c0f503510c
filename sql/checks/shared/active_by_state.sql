-- How many chats are in each state, how many of them are active, and how many of those are with an operator.
select chat_state::text as chat_state, count(*) as chats, count(*) filter (where is_active) as active,
       count(assigned_operator_id) filter (where is_active) as held
  from chats
 group by chat_state
