-- In which other schemas are there tables of the chat system, and may this role look into them?
select n.nspname::text as schema_name
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  join pg_attribute as a on a.attrelid = c.oid and a.attname = 'chat_state' and not a.attisdropped
 where c.relname = 'chats' and c.relkind in ('r', 'p')
   and n.nspname <> :'schema'
   and n.nspname::text !~ '^pg_'
 order by n.nspname
