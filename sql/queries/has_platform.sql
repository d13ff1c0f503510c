-- Does a schema of this database hold the chat platform's tables?
select exists (select from pg_catalog.pg_class c
                 join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'chat_state' and not a.attisdropped
                where c.relname = 'chats' and c.relkind in ('r', 'p'))
