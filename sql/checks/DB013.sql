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
-- shares: chat_tables
-- says: everything is slow · the deploy is not right
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
with chat_tables as materialized (:chat_tables)
select c.name as relation,
       case when c.ours then 'chatops.' else '' end || i.relname::text as object,
       pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(i.oid)) as size,
       x.indisunique as is_unique
  from chat_tables c
  join pg_index x on x.indrelid = c.oid
  join pg_class i on i.oid = x.indexrelid
 where not (x.indisvalid and x.indisready and x.indislive)
   and not exists (select 1 from pg_stat_progress_create_index b where b.index_relid = i.oid)
 order by c.name, i.relname
