-- Since when is a file of ours in, as the ledger says?
select pg_catalog.max(m.applied_at) from chatops.migrations m
 where m.target_schema = current_schema()::text collate "default" and m.source = 'chatops' and m.name = :'migration' and m.state = 'applied'
