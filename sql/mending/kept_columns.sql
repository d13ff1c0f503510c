-- The columns of a table as they were last kept; NULL where nothing is.
select pg_catalog.array_agg(pg_catalog.substr(k.label, pg_catalog.length('column ' || :'table' || '.') + 1))
  from chatops.settings s
 cross join lateral pg_catalog.jsonb_object_keys(s.value) as k (label)
 where s.target_schema = current_schema() and s.key = 'safety' and pg_catalog.jsonb_typeof(s.value) = 'object'
   and k.label like 'column ' || :'table' || '.%'
