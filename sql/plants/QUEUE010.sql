-- Plants QUEUE010: a user has waited for half an hour; whoever waits so long has been passed over as well.
-- also: QUEUE002
select pg_temp.put_in_the_queue(pg_temp.victim('46', '45 minutes'), '31 minutes', 'I will wait here for you.');
