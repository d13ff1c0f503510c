-- The statement that drops an index which a build that stopped has left behind under this name; no row where there is none.
select pg_catalog.format('drop index concurrently %s', i.indexrelid::regclass)
  from pg_index as i
 where not i.indisvalid
   and i.indexrelid = pg_catalog.to_regclass(:'name')::oid
