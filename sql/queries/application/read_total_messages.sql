-- The application reads how many messages an operator has sent.
select total_messages from operators where id = :'operator_id'::uuid
