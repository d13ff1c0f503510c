-- What does the ledger keep of the objects that a file replaced, by object?
-- schema, source and name: the file.
select m.replaced::text from chatops.migrations as m
 where m.target_schema = :'schema' and m.source = :'source' and m.name = :'name';
