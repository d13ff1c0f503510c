-- A heartbeat through its function, by the server's clock.
select operator_heartbeat(:'chat_id'::uuid, :'operator_id'::uuid) as holds
