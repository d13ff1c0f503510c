-- Plants DATA005: logical replication brought the rows of the log over, and no sequence.
-- not-in-demo: no command could act before it is mended
insert into chatops.actions (action) values ('note'), ('note'), ('note');
select pg_catalog.setval(pg_catalog.pg_get_serial_sequence('chatops.actions', 'id'), 1, false);
