-- Which relations of these names are there, on which table does each stand, how large is it by the last ANALYZE, and what hangs on it?
-- names: of relations; calls: of functions, of which those are told that are none of the server's own
with named as (
  select distinct on (c.relname) c.oid, c.relname::text as name, c.relkind,
         coalesce(i.indrelid, c.oid) as table_id
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join pg_catalog.pg_index as i on i.indexrelid = c.oid
   where c.relname = any (:'names'::name[]) and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
   order by c.relname, n.nspname <> all (pg_catalog.current_schemas(false)), n.nspname
), partners as (
  select n.name, pg_catalog.array_agg(distinct o.relname::text order by o.relname::text) as names
    from named as n
    join pg_catalog.pg_constraint as f on f.contype = 'f' and n.oid in (f.conrelid, f.confrelid)
    join pg_catalog.pg_class as o on o.oid in (f.conrelid, f.confrelid) and o.oid <> n.oid
   group by n.name
)
select n.name, n.relkind::text as kind, t.relname::text as on_table,
       pg_catalog.sum(greatest(m.reltuples, 0))::bigint as rows,
       pg_catalog.sum(m.relpages::bigint + coalesce(s.relpages, 0))::bigint
         * pg_catalog.current_setting('block_size')::bigint as bytes,
       coalesce(pg_catalog.max(p.names), '{}') as partners,
       array(select called from pg_catalog.unnest(:'calls'::text[]) as called
              where not exists (select from pg_catalog.pg_proc as f
                                 where f.proname::text = called and f.pronamespace = 'pg_catalog'::regnamespace::oid)) as unknown
  from (values (null)) as always
  left join named as n on true
  left join pg_catalog.pg_class as t on t.oid = n.table_id
  left join lateral (select n.table_id as id union select inhrelid from pg_catalog.pg_inherits where inhparent = n.table_id) as part on true
  left join pg_catalog.pg_class as m on m.oid = part.id and m.relkind <> 'p'
  left join pg_catalog.pg_class as s on s.oid = m.reltoastrelid
  left join partners as p on p.name = n.name
 group by n.name, n.relkind, t.relname
 order by n.name
