-- Plants CHAT014: a restored backup lost who had answered.
update chats set last_operator_id = null where id = pg_temp.victim('34');
