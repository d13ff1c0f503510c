-- An admin ends a chat through its function.
select close_chat(:'chat_id'::uuid) as closed
