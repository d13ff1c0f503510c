-- The invalid indexes that an interrupted REINDEX CONCURRENTLY left in this schema, and nobody is building.
select c.oid::regclass::text as name
  from pg_index as i
  join pg_class as c on c.oid = i.indexrelid
 where not i.indisvalid
   and c.relnamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(current_schema()))
   and c.relname::text ~ '_cc(new|old)[0-9]*$'
   and not exists (select from pg_stat_progress_create_index as p where p.index_relid = i.indexrelid)
 order by 1;
