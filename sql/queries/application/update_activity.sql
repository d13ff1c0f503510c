-- The application notes a heartbeat of an operator on a chat, by the client's clock.
update operator_activity set last_activity = :'client_now'::timestamptz, updated_at = :'client_now'::timestamptz
 where chat_id = :'chat_id'::uuid and operator_id = :'operator_id'::uuid
