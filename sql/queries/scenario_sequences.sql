-- Where do the sequences of the chat tables and of the bookkeeping stand? A rollback leaves them as they are.
select n.nspname::text || '.' || c.relname::text as name,
       coalesce(pg_catalog.pg_sequence_last_value(c.oid), 0) as value
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'S'
   and n.nspname in (current_schema(), 'chatops')
   and case when pg_catalog.has_schema_privilege(n.oid, 'usage') then pg_catalog.has_sequence_privilege(c.oid, 'select') end
 order by 1
