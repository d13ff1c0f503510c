-- How many chats are in each state, how many of them are active, and how many of those are with an operator.
select chat_state::text as chat_state, pg_catalog.count(*) as chats, pg_catalog.count(*) filter (where is_active) as active,
       pg_catalog.count(assigned_operator_id) filter (where is_active) as held
  from chats
 group by chat_state
