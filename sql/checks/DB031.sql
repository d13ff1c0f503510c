-- Which CHECK constraints that others made refuse what the application and our functions write?
-- code: DB031
-- title: {count} constraints refuse ordinary rows of the chat tables
-- title-one: the constraint {object} on {relation} refuses {refused}
-- narrow: {count} constraints refuse ordinary rows
-- narrow-one: 1 constraint refuses ordinary rows
-- severity: warning
-- critical: it is about chats, messages, turns, heartbeats or operators who are there
-- group: schema
-- leads: yes
-- expected: no CHECK on the chat tables refuses a message, a state, a turn or a heartbeat as they are written every day
-- why: somebody wanted to keep out what was wrong once, and keeps out what is right
-- consequence: the application's writes fail (23514): users and operators see an error
-- help-sql: {remedy}
-- help-text: or write its condition so that these pass
-- needs-table: chats
-- says: a message was lost; nobody answers; the deploy is not right
-- shares: chat_tables, expected_names, made_up
-- avoids: mergejoin
-- Each is asked about made-up rows, as far as it looks at nothing but columns that these have, through functions that cannot fail. What
-- the guards write bears the clock's time, which is later than when the transaction began.
-- A text is asked as a query by ts_stat, on every server and within this snapshot: each word that it gives back is a row's name.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
\set expected_names `cat sql/checks/shared/expected_names.sql`
\set made_up `cat sql/checks/shared/made_up.sql`
with chat_tables as materialized (:chat_tables),
expected_names as materialized (:expected_names),
made_up as materialized (:made_up),
checks as (
  select c.name as relation, case when c.ours then c.name else c.relname::text end as relname, c.oid, k.conname, pg_catalog.pg_get_expr(k.conbin, k.conrelid) as condition, k.conkey,
         pg_catalog.format('alter table %s drop constraint %I;', c.name, k.conname) as remedy
    from chat_tables c
    join pg_constraint k on k.conrelid = c.oid and k.contype = 'c'
   where not c.relispartition
     and not exists (select from expected_names w
                      where w.kind = 'constraint' and w.name = case when c.ours then c.name else c.relname::text end || '.' || k.conname::text)
     and pg_catalog.pg_get_constraintdef(k.oid) not like '% NOT ENFORCED'
     -- Nothing of somebody's own is called, and nothing that can raise an error.
     and not exists (select from pg_depend d
                      where d.classid = 'pg_constraint'::regclass::oid and d.objid = k.oid
                        and d.refclassid in ('pg_proc'::regclass::oid, 'pg_operator'::regclass::oid, 'pg_type'::regclass::oid))
  union all
  -- What a domain refuses its column refuses.
  select c.name, c.relname::text, c.oid, k.conname,
         pg_catalog.regexp_replace(pg_catalog.pg_get_expr(k.conbin, 0::oid), '\mVALUE\M', pg_catalog.quote_ident(a.attname), 'g'), array[a.attnum],
         pg_catalog.format('alter domain %s drop constraint %I;', y.oid::regtype, k.conname)
    from chat_tables c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type y on y.oid = a.atttypid and y.typtype = 'd'
    join pg_constraint k on k.contypid = y.oid and k.contype = 'c'
   where not c.ours and not c.relispartition
     and not exists (select from pg_depend d
                      where d.classid = 'pg_constraint'::regclass::oid and d.objid = k.oid
                        and d.refclassid in ('pg_proc'::regclass::oid, 'pg_operator'::regclass::oid))
), judged as (
  select k.*
    from checks k
   cross join lateral (
     -- Without its texts; what divides by a number, and casts that every value of theirs goes through.
     select pg_catalog.regexp_replace(k.condition, '''(?:[^'']|'''')*''', '''''', 'g') as text
   ) as b
   cross join lateral (
     select pg_catalog.regexp_replace(
              pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                  pg_catalog.regexp_replace(b.text, '::(text|unknown|character varying|bpchar|timestamp with time zone|interval)(\[\])?(?=\W|$)', '', 'g'),
                  '(''''|\m\d+(\.\d+)?|\((-?\d+(\.\d+)?|''''|message_count|epoch|releases_without_reply|total_messages|(char_|character_|octet_)?length\(\w+\))\))::(numeric|double precision|bigint|integer|uuid|date)(\[\])?(?=\W|$)', '', 'g'),
                '\((\w+_at|\w+_since|assignment_time|last_activity)\)::date(?=\W|$)', '', 'g'),
              '[%/] *\(?[1-9]\d*\M', '', 'g') as text
   ) as plain
   where plain.text ~ '^[^/%:]*$'
     and not exists (
       select from pg_catalog.regexp_matches(b.text, '(\w+)\(', 'g') as called (name)
        where called.name[1] not in ('length', 'char_length', 'character_length', 'octet_length', 'btrim', 'ltrim', 'rtrim', 'TRIM', 'lower', 'upper', 'strpos',
                                     'starts_with', 'POSITION', 'date_trunc', 'date_part',
                                     'COALESCE', 'GREATEST', 'LEAST', 'NULLIF', 'now', 'clock_timestamp', 'statement_timestamp', 'num_nonnulls', 'num_nulls',
                                     'AND', 'OR', 'NOT', 'ANY', 'ALL', 'IN', 'THEN', 'WHEN', 'ELSE', 'CASE', 'ARRAY', 'BETWEEN')
          and not (called.name[1] = 'EXTRACT' and b.text !~ 'EXTRACT\((?!(year|quarter|month|week|day|dow|isodow|doy|hour|minute|second|epoch) FROM)')
          and not (called.name[1] in ('SUBSTRING', 'substr') and b.text !~ '(SUBSTRING|substr)\((?!\w+( FROM |, )[0-9]+(( FOR |, )[0-9]+)?\))'))
     and k.condition !~ 'date_(trunc|part)\((?!''(year|quarter|month|week|day|hour|minute|second)''::text, \w+\))'
), asked as (
  select j.relation, j.relname, j.conname, j.remedy, m.told,
         pg_catalog.format('select pg_catalog.array_to_tsvector(array[''refused'']) from (select %s) as %I where not (%s)', coalesce(v.listed, '1'), pg_catalog.split_part(j.relname, '.', -1), j.condition) as query
    from judged j
    join made_up m on m.relation = j.relname
   cross join lateral (
     select pg_catalog.string_agg(
              pg_catalog.format('%s::%s as %I',
                     case when m.row_of ->> a.attname::text = 'soon'
                          then case when :'before_018'::boolean then 'pg_catalog.now()' else '(pg_catalog.now() + interval ''1 microsecond'')' end
                          else pg_catalog.quote_nullable(case when t.typname = 'uuid' then '00000000-0000-0000-0000-00000000000' || (m.row_of ->> a.attname::text)
                                                              else m.row_of ->> a.attname::text end) end,
                     pg_catalog.format_type(t.oid, case when t.oid = a.atttypid then a.atttypmod end), a.attname), ', ') as listed,
            pg_catalog.bool_and(m.row_of ? a.attname::text and t.typname in ('uuid', 'text', 'varchar', 'bool', 'int4', 'int8', 'timestamptz')) as known
       from pg_attribute a
       join pg_type y on y.oid = a.atttypid
       join pg_type t on t.oid = case when y.typtype = 'd' then y.typbasetype else y.oid end
      where a.attrelid = j.oid and a.attnum = any (j.conkey)
   ) as v
   where v.known or j.conkey is null
), refusing as (
  select a.relation, a.relname, a.conname, a.remedy, pg_catalog.string_agg(a.told, ', ' order by a.told) as refused
    from asked a
   cross join lateral (select pg_catalog.count(*) as words from pg_catalog.ts_stat(a.query)) as w
   where w.words > 0
   group by a.relation, a.relname, a.conname, a.remedy
  union all
  -- Not every text is a number.
  select k.relation, k.relname, k.conname, k.remedy, 'messages that cannot be turned into what it looks at'
    from checks k
   where k.relname = 'messages' and k.condition !~ '\m(CASE|OR)\M'
     and pg_catalog.regexp_replace(k.condition, '''(?:[^'']|'''')*''', '''''', 'g') ~ '(\mcontent|\((content|(btrim|ltrim|rtrim|lower|upper)\(content\))\))::(integer|bigint|smallint|numeric|uuid|json|jsonb|date|timestamp|double precision|boolean)\M'
)
select r.conname as object, r.relation, r.refused, pg_catalog.string_agg(r.remedy, ' ') over () as remedy,
       r.relname in ('chats', 'messages', 'chat_assignments', 'operator_activity')
       -- A chat that is given, and a reply, write the operator's row.
       or (r.relname = 'operators' and r.refused like '%an operator who is there%') as critical
  from refusing r
 order by critical desc, r.relation, r.conname
