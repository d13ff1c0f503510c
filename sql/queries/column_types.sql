-- Which of these columns are there, of which type, and is that of the same sort as the one that each should have?
-- types: jsonb, each column's type by its name, with the table, and what stands in schema chatops with that in front
select w.name, pg_catalog.format_type(a.atttypid, a.atttypmod) as kind,
       coalesce(made.typcategory, t.typcategory) = should.typcategory and (should.typcategory <> 'U' or coalesce(made.oid, t.oid) = should.oid) as is_alike
  from pg_catalog.jsonb_each_text(:'types'::jsonb) as w (name, kind)
 cross join lateral pg_catalog.string_to_array(w.name, '.') as p (parts)
  join pg_namespace n on n.nspname = case when pg_catalog.cardinality(p.parts) = 3 then p.parts[1] else current_schema() end
  join pg_class c on c.relnamespace = n.oid and c.relname = p.parts[pg_catalog.cardinality(p.parts) - 1] and c.relkind in ('r', 'p', 'v', 'f')
  join pg_attribute a on a.attrelid = c.oid and a.attname = p.parts[pg_catalog.cardinality(p.parts)] and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_type made on made.oid = t.typbasetype
  join pg_type should on should.oid = pg_catalog.to_regtype(w.kind)::oid
 order by w.name
