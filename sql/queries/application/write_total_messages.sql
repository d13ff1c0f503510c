-- The application writes how many messages an operator has sent.
update operators set total_messages = :'total'::integer where id = :'operator_id'::uuid
