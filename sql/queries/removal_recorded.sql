-- What the shipped files replaced in a schema, as it was before the first of them did so.
-- replaced_by: that file.
select distinct on (entry.key) entry.key as object, entry.value as definition, m.name as replaced_by
  from chatops.migrations as m
 cross join lateral pg_catalog.jsonb_each(m.replaced) as entry
 where m.target_schema = :'schema' and m.source = 'chatops' and (m.kind = 'repeatable' or m.number >= 18)
 order by entry.key, m.started_at, m.name;
