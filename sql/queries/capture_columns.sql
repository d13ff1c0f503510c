-- Which columns have the tables of the chats and the log of actions, as far as they are there and the log may be read?
select c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, null)
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where n.nspname = current_schema() and c.relname = any(:'tables'::text[])
    or n.nspname = 'chatops' and c.relname = :'log' and c.relkind = 'r'
       and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select')
 order by c.relname, a.attnum
