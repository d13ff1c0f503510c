-- Plants CHAT017: somebody wrote a state of their own invention into a chat by hand.
-- not-in-demo: it takes the constraint on the states away
update chats set chat_state = 'on_hold' where id = pg_temp.victim('4a');
