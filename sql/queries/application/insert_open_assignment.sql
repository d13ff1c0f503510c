-- An admin's reassign notes the new operator's turn.
insert into chat_assignments (chat_id, operator_id, assigned_at)
values (:'chat_id'::uuid, :'operator_id'::uuid, statement_timestamp())
