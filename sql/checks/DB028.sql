-- Which chat tables have grown large, or have indexes larger than themselves?
-- code: DB028
-- title: {count} chat tables have grown large
-- title-one: the table {object} takes {size}
-- severity: advice
-- group: now
-- expected: the chat tables stay below the size from which a migration or a restore takes long
-- why: messages and assignments are kept for ever; an index that was made twice, or dead rows, make it more
-- consequence: a rewrite, a restore or a new index takes so much longer, and so much room again
-- help-text: a person decides what goes: try pending files with `rehearse` first; unused indexes: pg_stat_user_indexes where idx_scan = 0
-- says: everything is slow
-- needs-table: chats
-- limits: table_size_gb
-- limit: table_size_gb = 100 GB, 0.0001 to 1000000: a chat table takes so much with its indexes
-- unplanted: it takes a table of many gigabytes
-- By the pages that the last vacuum or analyze saw: measuring them now would wait for whoever has locked a table.
-- On a Citus cluster the rows lie on a worker, which is asked through the server's own reader of query texts.
\set told_by_nodes `cat sql/queries/shared/told_by_nodes.sql`
with asked (text) as (
  select pg_catalog.format(
            'select json_agg(f) from (select substring(c.relname from ''^(.+)_\d+$'') as object, c.reltuples as rows,'
            ' sum(s.relpages::numeric) * current_setting(''block_size'')::numeric as bytes,'
            ' coalesce(sum(s.relpages::numeric) filter (where s.relkind = ''i''), 0) * current_setting(''block_size'')::numeric as indexes'
            ' from pg_class as c join pg_namespace as n on n.oid = c.relnamespace and n.nspname = %L'
            ' cross join lateral (select c.oid union all select c.reltoastrelid'
            ' union all select x.indexrelid from pg_index as x where x.indrelid in (c.oid, c.reltoastrelid)) as piece (oid)'
            ' join pg_class as s on s.oid = piece.oid where c.relkind = ''r'' and c.relname'
            ' ~ ''^(operators|real_users|fictional_users|chats|messages|chat_assignments|operator_activity)_\d+$'''
            ' group by c.oid, c.relname, c.reltuples) as f', current_schema())
), told as materialized (:told_by_nodes), seen as (
  select c.relname as object, whole.bytes, whole.indexes, c.reltuples as rows
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
  union all
  select f.object, f.bytes, f.indexes, f.rows
    from told
   cross join lateral xmltable('/table/row' passing told.found columns result text path 'result') as n
   cross join lateral pg_catalog.json_to_recordset(n.result::json) as f (object name, bytes numeric, indexes numeric, rows real)
)
select pg_catalog.format('%I', s.object) as object,
       pg_catalog.pg_size_pretty(s.bytes) as size,
       pg_catalog.pg_size_pretty(s.indexes) as indexes,
       case when s.rows >= 0::real then s.rows::bigint end as rows
  from seen s
 where s.bytes >= :'table_size_gb'::numeric * 1073741824::numeric
 order by s.bytes desc
