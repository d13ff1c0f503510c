-- Under which other name may a column stand that is missing: one of its type that no file names, and which is new since the tables
-- were last looked at, where that was kept?
select a.attname::text as name
  from pg_attribute a
 where a.attrelid = pg_catalog.to_regclass(pg_catalog.quote_ident(current_schema()) || '.' || pg_catalog.quote_ident(:'table'))::oid
   and a.attnum > 0 and not a.attisdropped
   and pg_catalog.format_type(a.atttypid, a.atttypmod) = :'type'
   and a.attname <> all (:'known'::text[])
   and a.attname <> all (:'kept'::text[])
 order by 1
