-- An admin deletes an operator; foreign keys take the operator out of the chats.
delete from operators where id = :'operator_id'::uuid
