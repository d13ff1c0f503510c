-- Which chat tables have grown large, or have indexes larger than themselves?
-- code: DB028
-- title: {count} chat tables have grown large
-- title-one: the table {object} takes {size}
-- severity: advice
-- group: now
-- expected: the chat tables stay below the size from which a migration or a restore takes long
-- why: messages and assignments are kept for ever; an index that was made twice, or dead rows, make it more
-- consequence: a rewrite, a restore or a new index takes so much longer, and so much room again
-- help-text: try pending files with `rehearse` first; unused indexes: pg_stat_user_indexes where idx_scan = 0
-- says: everything is slow
-- needs-table: chats
-- limits: table_size_gb
-- limit: table_size_gb = 100 GB, 0.0001 to 1000000: a chat table takes so much with its indexes
-- unplanted: it takes a table of many gigabytes
-- By the pages that the last vacuum or analyze saw: measuring them now would wait for whoever has locked a table.
select pg_catalog.format('%I', c.relname) as object,
       pg_catalog.pg_size_pretty(whole.bytes) as size,
       pg_catalog.pg_size_pretty(whole.indexes) as indexes,
       case when c.reltuples >= 0::real then c.reltuples::bigint end as rows
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
 cross join lateral (
   select pg_catalog.sum(s.relpages::numeric) * pg_catalog.current_setting('block_size')::numeric as bytes,
          coalesce(pg_catalog.sum(s.relpages::numeric) filter (where s.relkind = 'i'), 0) * pg_catalog.current_setting('block_size')::numeric as indexes
     from (select c.oid union select i.inhrelid from pg_inherits i where i.inhparent = c.oid) as part (oid)
     join pg_class own on own.oid = part.oid
    cross join lateral (
      select own.oid
      union all select own.reltoastrelid
      union all select x.indexrelid from pg_index x where x.indrelid = own.oid
      union all select x.indexrelid from pg_index x where x.indrelid = own.reltoastrelid
    ) as piece (oid)
     join pg_class s on s.oid = piece.oid
 ) as whole
 where c.relkind in ('r', 'p')
   and not c.relispartition
   and c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity')
   and whole.bytes >= :'table_size_gb'::numeric * 1073741824::numeric
 order by whole.bytes desc
