-- The application asks for an operator's next chat.
select assign_chat_to_operator(:'operator_id'::uuid) as chat_id
