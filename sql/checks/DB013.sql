-- Which indexes on the chat tables are invalid, or missing where every look needs one?
-- code: DB013
-- title: {count} indexes on the chat tables are invalid or missing
-- title-one: the index {object} on {relation} is {trouble}
-- severity: warning
-- advice: none is invalid, and one is only missing
-- group: schema
-- expected: every index on the chat tables is valid, or is being built at this moment; messages and turns are found by their chat
-- why: an invalid one: CREATE INDEX CONCURRENTLY was interrupted by a lock timeout, a cancelled session or duplicate rows; a missing one: somebody dropped it
-- consequence: no query uses an invalid one, though every write pays for it, and a unique one guards nothing; queries scan the whole table
-- help-sql: {remedy}
-- help-text: {otherwise}
-- needs-table: chats
-- shares: chat_tables
-- avoids: mergejoin
-- says: everything is slow; the deploy is not right
-- A missing one is advice: where there are few rows nobody notices.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
with chat_tables as materialized (:chat_tables)
select found.relation, found.object, found.trouble, found.definition, found.size, found.is_unique, found.remedy, found.otherwise, found.changed_at,
       case when found.trouble = 'missing' then 'somebody dropped it'
            when found.is_unique then 'CREATE INDEX CONCURRENTLY was interrupted by a lock timeout, a cancelled session or duplicate rows'
            else 'CREATE INDEX CONCURRENTLY was interrupted by a lock timeout or a cancelled session' end as because,
       case when found.trouble = 'missing' then 'queries scan the whole table'
            when found.is_unique then 'it guards nothing, and no query uses it, though every write pays for it'
            else 'no query uses it, though every write pays for it' end as so,
       found.advice
  from (
    select c.name as relation,
           case when c.ours then 'chatops.' else '' end || i.relname::text as object, 'invalid: CREATE INDEX CONCURRENTLY did not finish' as trouble,
           pg_catalog.pg_get_indexdef(i.oid) as definition,
           pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(i.oid)) as size,
           x.indisunique as is_unique,
           pg_catalog.format('reindex index concurrently %s%I;', case when c.ours then 'chatops.' else '' end, i.relname) as remedy,
           case when x.indisunique then 'if that says "is duplicated", mend those rows first; ' else '' end || 'where no query needs it: '
             || pg_catalog.format('drop index %s%s%I;', case when i.relkind = 'i' then 'concurrently ' else '' end,
                                  case when c.ours then 'chatops.' else '' end, i.relname) as otherwise,
           case when pg_catalog.current_setting('track_commit_timestamp')::boolean then pg_catalog.pg_xact_commit_timestamp(x.xmin) end as changed_at,
           false as advice
      from chat_tables c
      join pg_index x on x.indrelid = c.oid
      join pg_class i on i.oid = x.indexrelid
     where not (x.indisvalid and x.indisready and x.indislive)
       and not exists (select 1 from pg_stat_progress_create_index b where b.index_relid = i.oid)
    union all
    select c.name, 'by ' || a.attname::text, 'missing', null, null, false,
           pg_catalog.format('create index %son %s (%s);', case when c.relkind = 'r' then 'concurrently ' else '' end
             || case when pg_catalog.to_regclass(known.name) is null then known.name || ' ' else '' end,
             c.name, known.columns), null, null, true
      from chat_tables c
      join (values ('messages', 'idx_messages_chat_created', 'chat_id, created_at'),
                   ('chat_assignments', 'idx_chat_assignments_chat', 'chat_id')) as known (relation, name, columns) on known.relation = c.relname::text
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'chat_id' and not a.attisdropped
     where not c.ours and not c.relispartition and c.relname in ('messages', 'chat_assignments')
       and not exists (select from pg_index x where x.indrelid = c.oid and x.indkey[0] = a.attnum and x.indpred is null)
  ) as found
 order by found.advice, found.relation, found.object
