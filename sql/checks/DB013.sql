-- Which indexes on the chat tables are invalid?
-- code: DB013
-- title: {count} indexes on the chat tables are invalid
-- title-one: the index {object} on {relation} is invalid
-- severity: warning
-- group: schema
-- expected: every index on the chat tables is valid, or is being built at this moment
-- why: CREATE INDEX CONCURRENTLY was interrupted: by a lock timeout, a cancelled session or duplicate rows
-- consequence: queries scan the whole table; every write still pays for the index; a unique one guards nothing
-- help-sql: reindex index concurrently {object};
-- needs-table: chats
-- says: everything is slow · the deploy is not right
-- By what depends on the schemas: the catalog has no index by schema, and is long where there are many.
select case when n.nspname = 'chatops' then 'chatops.' else '' end || c.relname::text as relation,
       case when n.nspname = 'chatops' then 'chatops.' else '' end || i.relname::text as object,
       pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(i.oid)) as size,
       x.indisunique as is_unique
  from pg_namespace n
  join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
  join pg_class c on c.oid = d.objid
  join pg_index x on x.indrelid = c.oid
  join pg_class i on i.oid = x.indexrelid
 where n.nspname in ('chatops', current_schema())
   and (n.nspname = 'chatops'
        or c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                         'operator_activity', 'platform_config'))
   and not (x.indisvalid and x.indisready and x.indislive)
   and not exists (select 1 from pg_stat_progress_create_index b where b.index_relid = i.oid)
 order by c.relname, i.relname
