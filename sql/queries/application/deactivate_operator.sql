-- An admin deactivates an operator.
update operators set is_active = false where id = :'operator_id'::uuid
