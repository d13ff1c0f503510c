-- The names that the server gives to an index without one, as it gave them to copies on a table in pg_temp, in their order:
-- whether a name is taken beside the true table, whether by the same index, and how far that is.
select model.relname::text as name,
       there.oid is not null as taken,
       coalesce(pg_catalog.substr(pg_catalog.pg_get_indexdef(i.indexrelid), pg_catalog.strpos(pg_catalog.pg_get_indexdef(i.indexrelid), ' USING '))
                = pg_catalog.substr(pg_catalog.pg_get_indexdef(m.indexrelid), pg_catalog.strpos(pg_catalog.pg_get_indexdef(m.indexrelid), ' USING '))
                and i.indisunique = m.indisunique, false) as same,
       coalesce(i.indisvalid, false) as valid,
       coalesce(pg_catalog.age(there.xmin) < pg_catalog.age(nullif(:'since', '')::xid), false) as built_since
  from pg_index as m
  join pg_class as model on model.oid = m.indexrelid
  join pg_class as t on t.oid = :'oid'::oid
  left join pg_class as there on there.relnamespace = t.relnamespace and there.relname = model.relname
  left join pg_index as i on i.indexrelid = there.oid and i.indrelid = t.oid
 where m.indrelid = (select copy.oid from pg_class as copy
                      where copy.relnamespace = pg_catalog.pg_my_temp_schema() and copy.relname = t.relname)
 order by model.oid;
