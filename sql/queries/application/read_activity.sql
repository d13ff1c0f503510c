-- The application reads when an operator was last heard of on a chat.
select last_activity from operator_activity where chat_id = :'chat_id'::uuid and operator_id = :'operator_id'::uuid
