-- What this transaction holds of the relations of others: locks, relfilenodes, and the rows it read and changed, as one value.
-- Without those that its earlier files have made, which chatops.rehearsed names: there are more of them with each file.
select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(held)), '[]')::text as held
  from (select c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind as kind, c.relfilenode::bigint as relfilenode,
               i.indrelid::bigint as index_of, pg_catalog.array_agg(distinct l.mode) as modes, c.reltuples as estimated_rows,
               pg_catalog.pg_stat_get_xact_tuples_returned(c.oid) as read,
               pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
                 + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) as changed,
               case when c.relkind in ('r', 'm', 'i') then pg_catalog.pg_table_size(c.oid) end as bytes
          from pg_locks as l
          join pg_class as c on c.oid = l.relation
          join pg_namespace as n on n.oid = c.relnamespace
          left join pg_index as i on i.indexrelid = c.oid
         where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted
           and l.database = (select oid from pg_database where datname = current_database())
           and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'chatops')
           and not pg_catalog.starts_with(n.nspname, 'pg_temp_')
           and l.relation not in (
             select made.relation::oid
               from pg_catalog.string_to_table(pg_catalog.current_setting('chatops.rehearsed', true), ',') as made (relation)
              where made.relation <> '')
         group by c.oid, n.nspname, i.indrelid) as held;
