-- The other schemas that this database's ledger knows: schema chatops is theirs, too.
select distinct m.target_schema from chatops.migrations as m where m.target_schema <> :'schema' order by 1;
