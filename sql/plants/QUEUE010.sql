-- Plants QUEUE010: a user has waited for half an hour; whoever waits so long has been passed over as well.
-- also: QUEUE002
select pg_temp.write_as_user(pg_temp.victim('46', '45 minutes'), '31 minutes', 'I will wait here for you.', 'waiting_assignment');
