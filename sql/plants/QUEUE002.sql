-- Plants QUEUE002: a user has waited for a quarter of an hour, while others who came later were served: the queue goes by the age
-- of the chat, and this one is young.
select pg_temp.write_as_user(pg_temp.victim('42', '30 minutes'), '13 minutes', 'Did I say something wrong?', 'waiting_assignment');
