-- Which watch does this database remember for a target schema?
select state::text as state from chatops.watches where target_schema = :'schema'
