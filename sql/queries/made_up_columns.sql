-- What does a row of this table need: its columns, which of them the server fills, which are unique, which reference another table.
select a.attname::text as name, t.typname::text as type, t.typcategory::text as category,
       case when a.atttypmod > 4 and t.typname in ('varchar', 'bpchar') then a.atttypmod - 4 end as longest,
       a.attnotnull or t.typnotnull as required,
       a.atthasdef or a.attidentity <> '' as filled,
       exists (select from pg_index as i
                where i.indrelid = a.attrelid and i.indisunique and i.indnkeyatts = 1 and i.indkey[0] = a.attnum) as alone_unique,
       (select pg_catalog.min(e.enumlabel::text) filter (where e.enumsortorder = 1::real) from pg_enum as e where e.enumtypid = t.oid) as first_label,
       f.schema_name, f.table_name, f.column_name
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
  join pg_type as d on d.oid = a.atttypid
  join pg_type as t on t.oid = case when d.typtype = 'd' then d.typbasetype else d.oid end
  left join lateral (
    select fn.nspname::text as schema_name, fc.relname::text as table_name, fa.attname::text as column_name
      from pg_constraint as k
      join pg_class as fc on fc.oid = k.confrelid
      join pg_namespace as fn on fn.oid = fc.relnamespace
      join pg_attribute as fa on fa.attrelid = k.confrelid and fa.attnum = k.confkey[1]
     where k.conrelid = c.oid and k.contype = 'f' and k.conkey operator(pg_catalog.=) array[a.attnum]
     order by k.conname
     limit 1) as f on true
 where n.nspname = coalesce(:'schema'::text, current_schema()) and c.relname = :'table'::text and c.relkind in ('r', 'p')
 order by a.attnum
