-- Makes what a rehearsal on a tenant of a Citus cluster asks the tenant's node by, inside its own transaction there: the locks,
-- relfilenodes and rows of the shards, each under its table's name. Rolled back with the rest; a table of its own leads the question there.
create table chatops_rehearsal (one integer);
create function chatops_rehearsal(p_all boolean) returns text
language sql
set search_path from current
as $function$
  select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(held)), '[]')::text
    from (select - c.oid::bigint as oid, n.nspname as schema, c.relname as shard,
                 pg_catalog.regexp_replace(c.relname, '_' || s.shardid::text || '(?=$|_)', '') as name, c.relkind as kind,
                 c.relfilenode::bigint as relfilenode, - i.indrelid::bigint as index_of,
                 array(select distinct l.mode from pg_catalog.pg_locks as l
                        where l.relation = c.oid and l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted) as modes,
                 c.reltuples as estimated_rows, pg_catalog.pg_stat_get_xact_tuples_returned(c.oid) as read,
                 pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
                   + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) as changed,
                 case when not p_all and exists (select from pg_catalog.pg_locks as l
                                                  where l.relation = c.oid and l.pid = pg_catalog.pg_backend_pid()
                                                    and l.locktype = 'relation' and l.granted)
                      then pg_catalog.pg_table_size(c.oid) end as bytes
            from pg_catalog.pg_namespace as n
            join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'i', 'I')
            left join pg_catalog.pg_index as i on i.indexrelid = c.oid
            join pg_catalog.pg_class as own on own.oid = coalesce(i.indrelid, c.oid)
            join pg_catalog.pg_dist_shard as s on s.shardid = substring(own.relname from '_(\d{1,18})$')::bigint
           where n.nspname = pg_catalog.current_schema()) as held
   where p_all or held.modes <> '{}'
$function$;
