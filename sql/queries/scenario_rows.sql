-- Which tables have the chat system and the bookkeeping, and which of them can be counted: not one of over a million rows, nor
-- one that may not be read.
select n.nspname, c.relname,
       c.reltuples < 1000000::real and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select') as countable
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p')
   and not c.relispartition
   and n.nspname in (current_schema(), 'chatops')
 order by 1, 2
