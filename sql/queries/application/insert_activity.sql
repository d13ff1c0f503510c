-- The application notes the first heartbeat of an operator on a chat, by the client's clock.
insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
values (:'chat_id'::uuid, :'operator_id'::uuid, :'client_now'::timestamptz, :'client_now'::timestamptz)
