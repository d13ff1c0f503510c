-- Which sequences are nearly used up?
-- code: DB032
-- title: {count} sequences are nearly used up
-- title-one: the sequence {object} stands at {stands_at} of {most}
-- narrow: {count} sequences are nearly used up
-- narrow-one: 1 sequence is nearly used up
-- severity: warning
-- critical: there is no further number
-- group: schema
-- expected: a sequence has many numbers left, and so has the column that they go into
-- why: it was set to a number far ahead, or the column is too small for what comes
-- consequence: at its end the next row is refused (2200H, or 22003), and with it what is written together with it
-- help-text: a person decides: it is set back to behind the newest row by {statement} A column that is too small needs a migration to bigint
-- needs-table: chats
-- says: the deploy is not right
-- shares: chat_tables, expected_names
-- avoids: mergejoin
-- unplanted: it takes a sequence that counted for years
-- One that this role may not read is left out. What is behind its rows is DATA005.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
\set expected_names `cat sql/checks/shared/expected_names.sql`
with chat_tables as materialized (:chat_tables),
expected_names as materialized (:expected_names),
sequences as materialized (
  -- Of the columns of the chat tables and of ours, and those that our functions count with.
  select d.objid as sequence_id, a.atttypid as type_id,
         pg_catalog.format('(select coalesce(pg_catalog.max(%I), 0) + 1 from %s)', a.attname, c.oid::regclass) as behind
    from chat_tables c
    join pg_depend d on d.refclassid = 'pg_class'::regclass::oid and d.refobjid = c.oid and d.refobjsubid > 0
     and d.classid = 'pg_class'::regclass::oid and d.deptype in ('a', 'i')
    join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid and not a.attisdropped
  union
  select d.refobjid, a.atttypid, pg_catalog.format('(select coalesce(pg_catalog.max(%I), 0) + 1 from %s)', a.attname, c.oid::regclass)
    from chat_tables c
    join pg_attrdef f on f.adrelid = c.oid
    join pg_depend d on d.classid = 'pg_attrdef'::regclass::oid and d.objid = f.oid and d.refclassid = 'pg_class'::regclass::oid and d.refobjid <> c.oid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = f.adnum
  union
  select q.oid, 'int8'::regtype::oid, null
    from pg_namespace n
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
    join pg_class q on q.oid = d.objid and q.relkind = 'S'
    join expected_names w on w.kind = 'sequence' and w.name = case when n.nspname = 'chatops' then 'chatops.' else '' end || q.relname::text
   where n.nspname in ('chatops', current_schema())
)
select found.object, found.stands_at, found.most,
       pg_catalog.format('select pg_catalog.setval(%L, %s, false);', found.object, coalesce(found.behind, '1')) as statement,
       found.stands_at >= found.most as critical
  from (
    select q.oid::regclass::text as object,
           case when pg_catalog.has_sequence_privilege(q.oid, 'select') then pg_catalog.pg_sequence_last_value(q.oid) end as stands_at,
           least(s.seqmax, pg_catalog.min(case u.type_id when 'int2'::regtype::oid then 32767 when 'int4'::regtype::oid then 2147483647
                                                         else 9223372036854775807 end)) as most,
           pg_catalog.min(u.behind) as behind
      from sequences u
      join pg_class q on q.oid = u.sequence_id and q.relkind = 'S'
      join pg_sequence s on s.seqrelid = q.oid
     where s.seqincrement > 0 and not s.seqcycle
     group by q.oid, s.seqmax
  ) as found
 where found.stands_at::numeric > 0.9 * found.most::numeric
 order by critical desc, found.object
