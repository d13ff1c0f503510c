-- Does this database remember a watch for a target schema? Nobody else writes it until the end of the transaction.
select true as remembered from chatops.watches where target_schema = :'schema' for update
