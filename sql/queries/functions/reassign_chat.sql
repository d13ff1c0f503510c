-- An admin gives a chat to an operator through its function, which looks at the operator.
select epoch from reassign_chat(:'chat_id'::uuid, :'operator_id'::uuid, p_reason => 'manual_reassignment_by_admin:' || :'reason'::text)
