-- The sequences that would give a number which their table holds already, or has passed.
-- Sequences that a column owns or takes its default from, where the column alone is unique; of this schema and of schema chatops.
-- Tables and sequences have any names: they are asked through ts_stat, which reads a query from its text. What this role may not read
-- it cannot use either.
with own as materialized (
  -- By what depends on the schemas: the catalog has no index by schema, and is long where there are many.
  select c.oid, c.relname, c.relkind, n.nspname, n.oid as namespace_id
    from pg_namespace n
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
    join pg_class c on c.oid = d.objid and c.relkind in ('r', 'p', 'S')
   where n.nspname in ('chatops', current_schema())
), used as (
  select s.oid as sequence_id, d.refobjid as table_id, d.refobjsubid as place
    from own s
    join pg_depend d on d.classid = 'pg_class'::regclass::oid and d.objid = s.oid and d.deptype in ('a', 'i')
                    and d.refclassid = 'pg_class'::regclass::oid and d.refobjsubid > 0
   where s.relkind = 'S'
  union
  -- Whosever the sequence is, and wherever it stands.
  select d.refobjid, f.adrelid, f.adnum
    from own r
    join pg_attrdef f on f.adrelid = r.oid
    join pg_depend d on d.classid = 'pg_attrdef'::regclass::oid and d.objid = f.oid and d.refclassid = 'pg_class'::regclass::oid
   where r.relkind <> 'S'
), looked as materialized (
  select s.oid as sequence_id, q.seqincrement,
         pg_catalog.format('%I.%I', m.nspname, s.relname) as sequence, pg_catalog.format('%I.%I', r.nspname, r.relname) as relation,
         (select pg_catalog.string_agg(t.word, ' ')
            from pg_catalog.ts_stat(pg_catalog.format(
              'select array_to_tsvector(array_remove(array[''next='' || (s.last_value::numeric + (case when s.is_called then %s else 0 end)::numeric)::text,'
              ' ''newest='' || (select %s(t.%I) from %I.%I as t)::text], null)) from %I.%I as s',
              q.seqincrement, case when q.seqincrement > 0 then 'max' else 'min' end, a.attname, r.nspname, r.relname,
              m.nspname, s.relname)) as t) as told
    from used u
    join own r on r.oid = u.table_id and r.relkind <> 'S'
    join pg_class s on s.oid = u.sequence_id and s.relkind = 'S'
    join pg_namespace m on m.oid = s.relnamespace
    join pg_attribute a on a.attrelid = r.oid and a.attnum = u.place and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
    join pg_sequence q on q.seqrelid = s.oid and not q.seqcycle
   where exists (select from pg_index x
                  where x.indrelid = r.oid and x.indisunique and x.indnkeyatts = 1 and x.indkey[0] = a.attnum and x.indpred is null)
     and pg_catalog.has_schema_privilege(r.namespace_id, 'usage') and pg_catalog.has_schema_privilege(m.oid, 'usage')
     and pg_catalog.has_table_privilege(r.oid, 'select')
     and case when s.relkind = 'S' then pg_catalog.has_sequence_privilege(s.oid, 'select') end
     and not pg_catalog.row_security_active(r.oid)
), read as (
  select l.sequence_id, l.seqincrement, l.sequence, l.relation,
         pg_catalog.substring(l.told, 'next=(-?[0-9]+)')::numeric as next_id,
         pg_catalog.substring(l.told, 'newest=(-?[0-9]+)')::numeric as newest_id
    from looked l
)
select r.sequence_id, r.sequence, r.relation, r.next_id, r.newest_id
  from read r
 where case when r.seqincrement > 0 then r.next_id <= r.newest_id else r.next_id >= r.newest_id end
