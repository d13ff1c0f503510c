-- An index by its table and name: whether it is valid, and who is building it now. By the table first: each tenant has one of that name.
select i.indisvalid as valid, i.oid::regclass::text as name, p.pid as builder
  from (
    select x.indisvalid, c.oid, c.relname
      from (select indexrelid, indisvalid from pg_index where indrelid = pg_catalog.to_regclass(:'table')::oid offset 0) as x
     cross join lateral (select oid, relname from pg_class where oid = x.indexrelid offset 0) as c
  ) as i
  left join pg_stat_progress_create_index as p on p.index_relid = i.oid
 where i.relname = :'name';
