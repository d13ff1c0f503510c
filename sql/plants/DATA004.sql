-- Plants DATA004: somebody deleted a chat while the foreign keys were off, and what belonged to it stayed.
delete from chats where id = pg_temp.victim('54');
