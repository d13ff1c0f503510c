-- Writes what was done into the log, one row a chat; stands in for the last line of a query that ends in `result`.
insert into chatops.actions (action, chat_id, operator_id, before, after)
select action, chat_id, operator_id, before, after from result
returning id as action_id, chat_id, after #>> '{chat,chat_state}' as chat_state
