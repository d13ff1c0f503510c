-- The schemas whose names match a pattern: whether each has chats, and whether this role may look into it.
-- By the catalog: to_regclass finds nothing in a schema that the role may not use. Where turns or heartbeats of chats are, there are
-- chats, or ought to be: a tenant that has lost that table, or its states, is none that needs no look.
select n.nspname::text as name,
       exists (select from pg_catalog.pg_class as c
                 join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attname = 'chat_state' and not a.attisdropped
                where c.relnamespace = n.oid and c.relname = 'chats' and c.relkind in ('r', 'p', 'v', 'f'))
       or exists (select from pg_catalog.pg_class as c
                   where c.relnamespace = n.oid and c.relname in ('chat_assignments', 'operator_activity') and c.relkind in ('r', 'p', 'v', 'f'))
       as has_chats,
       pg_catalog.has_schema_privilege(n.oid, 'usage') as may_use
  from pg_catalog.pg_namespace as n
 where n.nspname::text like :'pattern' escape '\'
   and n.nspname::text !~ '^pg_'
   and n.nspname not in ('information_schema', 'chatops')
   -- An extension's own.
   and not exists (select from pg_depend e where e.classid = 'pg_namespace'::regclass::oid and e.objid = n.oid and e.deptype = 'e')
 order by n.nspname
