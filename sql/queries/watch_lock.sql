-- Which watch does this database remember for a target schema? Nobody else writes it until the end of the transaction.
select state::text as state from chatops.watches where target_schema = :'schema' for update
