-- Plants CHAT020: a restored table came without its unique constraint, and the application began a second conversation of one pair.
insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, message_count)
select md5('another chat of ' || id)::uuid, real_user_id, fictional_user_id, 'waiting_assignment', true, 0 from chats where id = pg_temp.victim('50');
