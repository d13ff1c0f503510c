-- Plants CHAT011: an admin blocked the user; the chat was switched off and its state left as it was.
update chats set is_active = false, updated_at = last_message_at + interval '5 minutes' where id = pg_temp.victim('32');
