-- How many of these files are in?
select pg_catalog.count(*) from chatops.migrations
 where target_schema = :'target_schema' and source = :'source' and name = any(:'names'::text[]) and state = 'applied'
