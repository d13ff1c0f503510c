-- An index by its table and name: whether it is valid, and who is building it now.
select i.indisvalid as valid, c.oid::regclass::text as name, p.pid as builder
  from pg_index as i
  join pg_class as c on c.oid = i.indexrelid
  left join pg_stat_progress_create_index as p on p.index_relid = i.indexrelid
 where i.indrelid = pg_catalog.to_regclass(:'table')::oid
   and c.relname = :'name';
