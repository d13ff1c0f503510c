-- Every table, view and index that is there before a rehearsal: a rewrite is seen by another relfilenode. The counters of rows
-- may begin above 0: they hold what this session did before and has not reported yet. With `since`, a transaction's number, only
-- what that one or a later one has written.
select c.oid::bigint as oid, c.relfilenode::bigint as relfilenode, pg_catalog.pg_stat_get_xact_tuples_returned(c.oid) as read,
       pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
         + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) as changed
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'f', 'v', 'm', 'i', 'I', 'S')
   and (:'since'::xid is null or pg_catalog.age(c.xmin) <= pg_catalog.age(:'since'::xid))
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and not pg_catalog.starts_with(n.nspname, 'pg_temp_');
