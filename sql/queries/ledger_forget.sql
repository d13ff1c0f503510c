-- Takes a file out of the ledger; the database keeps what the file made.
delete from chatops.migrations
 where target_schema = :'target_schema' and source = :'source' and name = :'name' and checksum = :'before'
returning name;
