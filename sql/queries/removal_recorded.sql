-- What the shipped files replaced in a schema, as it was before the first of them did so.
-- replaced_by: the first that left it otherwise than it found it, as the next one found it; of several that all found the same, the last.
with kept as (
  select entry.key as object, entry.value as definition, m.name,
         pg_catalog.row_number() over following as place,
         pg_catalog.lead(entry.value) over following as next_one,
         pg_catalog.first_value(entry.value) over following as first_one
    from chatops.migrations as m
   cross join lateral pg_catalog.jsonb_each(m.replaced) as entry
   where m.target_schema = :'schema' and m.source = 'chatops' and (m.kind = 'repeatable' or m.number >= 18)
  window following as (partition by entry.key order by m.started_at, m.name)
)
select distinct on (object) object, first_one as definition, name as replaced_by
  from kept
 where next_one is distinct from definition
 order by object, place;
