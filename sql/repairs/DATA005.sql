-- Sets sequences behind the ids of their tables, so that the next one is free.
-- A little further than needed: numbers may be given out between the look and the change. setval is no part of a transaction, so a
-- trial leaves it out, and logs under ids of its own.
--
-- order: 5
-- First what is wrong, read once and without a lock; then a batch of it, judged anew by what each sequence gave last.

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
select null::uuid as chat_id, r.sequence_id::bigint as sequence_id, r.sequence, r.relation, r.newest_id
  from read r
 where case when r.seqincrement > 0 then r.next_id <= r.newest_id else r.next_id >= r.newest_id end
;

with trial as materialized (
  select pg_catalog.current_setting('chatops.trial', true) is not distinct from 'on' as is_one,
         coalesce(nullif(pg_catalog.current_setting('chatops.newest_action', true), ''), '0')::bigint as newest_action
), found as materialized (
  select f.sequence_id::oid as sequence_id, f.sequence, f.newest_id
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (sequence_id bigint, sequence text, newest_id bigint)
), candidate as materialized (
  select f.sequence_id, f.sequence, f.newest_id, q.seqincrement, pg_catalog.pg_sequence_last_value(q.seqrelid) as gave,
         case when q.seqincrement > 0 then least(q.seqmax, f.newest_id::numeric + (32 * q.seqcache * q.seqincrement)::numeric)
              else greatest(q.seqmin, f.newest_id::numeric + (32 * q.seqcache * q.seqincrement)::numeric) end::bigint as ahead
    from found f
    join pg_sequence q on q.seqrelid = f.sequence_id
), changed as materialized (
  select c.sequence_id, c.sequence, c.gave,
         case when (select is_one from trial) then c.ahead else pg_catalog.setval(c.sequence_id::regclass, c.ahead) end as ahead
    from candidate c
   where c.gave is null or case when c.seqincrement > 0 then c.gave < c.newest_id else c.gave > c.newest_id end
), settled as materialized (
  -- All of them, before the log asks one of them for its number.
  select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c) order by c.sequence), '[]') as changes from changed c
), logged as (
  insert into chatops.actions (action, code, row_id, before, after)
  select 'repair', 'DATA005', 'sequence ' || n.sequence, pg_catalog.jsonb_build_object('last_value', n.gave),
         pg_catalog.jsonb_build_object('last_value', n.ahead)
    from settled s
   cross join lateral pg_catalog.jsonb_to_recordset(s.changes) as n (sequence text, gave bigint, ahead bigint)
   where not (select is_one from trial)
), logged_on_trial as (
  insert into chatops.actions (id, action, code, row_id, before, after) overriding system value
  select (select newest_action from trial) + n.place, 'repair', 'DATA005', 'sequence ' || (n.change ->> 'sequence'::text),
         pg_catalog.jsonb_build_object('last_value', n.change -> 'gave'::text),
         pg_catalog.jsonb_build_object('last_value', n.change -> 'ahead'::text)
    from settled s
   cross join lateral pg_catalog.jsonb_array_elements(s.changes) with ordinality as n (change, place)
   where (select is_one from trial)
)
select pg_catalog.jsonb_build_object('mended', pg_catalog.jsonb_array_length(s.changes), 'busy', '[]'::jsonb) from settled s;
