-- A chat goes back into the queue through its function, whoever holds it.
select release_chat(:'chat_id'::uuid, null) as outcome
