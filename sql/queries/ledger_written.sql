-- The transaction that wrote a file's row last.
select m.xmin::text
  from chatops.migrations as m
 where m.target_schema = :'target_schema' and m.source = :'source' and m.name = :'name';
