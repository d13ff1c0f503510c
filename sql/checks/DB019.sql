-- What do others have on the chat tables, or among our names, that changes what our objects do?
-- code: DB019
-- title: {count} foreign objects change what the chat tables and functions do
-- title-one: the foreign {kind} {object} {trouble}
-- narrow: {count} foreign objects change what ours do
-- narrow-one: 1 foreign object changes what ours do
-- severity: warning
-- critical: it refuses, drops or turns what is written into chats, messages, turns or heartbeats, or stands in our functions' place
-- advice: all of it does so only at times, or perhaps on purpose
-- group: schema
-- expected: no rule, trigger, key or child table changes or refuses what is written, and calls by name find our functions
-- why: somebody tried something out, or another tool brought objects of the same name
-- consequence: the finding says what for each: messages vanish or are refused, chats change by themselves, or calls by name find something else
-- help-sql: {remedy}
-- help-text: `psql -- -c {look}` shows first what it does, for somebody meant something by it: the statement takes it away{leaves}
-- needs-table: chats
-- says: a message was lost; the deploy is not right
-- only-if: others_there
-- shares: structure, chat_tables, expected_objects, made_up
-- avoids: mergejoin
-- Advice is what does so only sometimes, or perhaps on purpose: a trigger that sets a state at times, an event trigger, and what
-- nobody knows in schema chatops. What drops some rows is as loud as what it may hit: critical for ordinary chats or messages, a
-- warning where that cannot be judged, advice for updates that change nothing and rows that come twice. Bodies are read without their comments; what comes to `raise` before any condition
-- refuses everything, and so does what calls a function that does. What raises under conditions is gone through
-- branch by branch, and its conditions are asked about rows as they are written every day: what looks something up is not judged.
-- What is found by another way than before needs its line in sql/queries/others_there.sql, and in OF_OTHERS of tests/test_checks_quick.py.
\set structure `cat sql/checks/shared/structure.sql`
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
\set expected_objects `cat sql/checks/shared/expected_objects.sql`
\set made_up `cat sql/checks/shared/made_up.sql`
with structure as materialized (:structure),
chat_tables as materialized (:chat_tables),
expected_objects as materialized (:expected_objects),
made_up as materialized (:made_up),
functions as materialized (
  select s.name, s.arguments,
         coalesce(pg_catalog.bool_or(f.definition -> 'arguments'::text ? s.arguments), false) as is_ours,
         pg_catalog.bool_or(f.vital) as vital,
         pg_catalog.count(*) over (partition by s.name) as of_that_name,
         row_number() over (partition by s.name order by s.arguments) as place
    from (select o.name, o.definition ->> 'arguments'::text as arguments from structure o where o.kind = 'function') as s
    join expected_objects f on f.kind = 'function' and f.name = s.name
   group by s.name, s.arguments
), body_that as (
  select '^((?!\mbegin\M).)*\mbegin\s+((?!\m(if|case|loop|while|for|foreach|return|begin)\M)[^;]*;\s*)*'
         '(raise\s+(?!notice\M|warning\M|info\M|log\M|debug\M)|assert\s+false\M|((?!\m(if|case|loop|while|for|foreach)\M)[^;])*\d\s*/\s*0(\.0*)?(?![\w.]))'
         '|^\s*select\M[^;]*\d\s*/\s*0(\.0*)?(?![\w.])' as refuses,
         '^\s*(begin\s+return|select)\s+\(?(false|''f(alse)?''(::bool(ean)?)?)\)?\s*;?\s*(end\s*;?\s*)?$' as says_no
), triggers as materialized (
  -- Those that others made, on the chat tables and on ours; for each event its bit in tgtype: 4 insert, 8 delete, 16 update.
  select t.tgname, c.name as on_table, not c.ours and c.root in ('chats', 'messages', 'chat_assignments', 'operator_activity') as vital, c.relname::text || '.' || t.tgname::text as object, t.tgtype::integer as kind, t.tgqual is not null as conditional, c.root,
         pg_catalog.format('%I.%I', s.nspname, p.proname) as function, pg_catalog.pg_get_userbyid(p.proowner) as owner,
         case when s.nspname <> 'pg_catalog'
               and not exists (select from pg_trigger o where o.tgfoid = p.oid and o.oid <> t.oid and o.tgparentid <> t.oid)
               and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass::oid and e.objid = p.oid and e.deptype = 'e')
               and not exists (select from expected_objects w where w.kind = 'function' and w.name = p.proname)
              then pg_catalog.format('; its function is left behind then, and no other trigger uses it: drop function %s;', p.oid::regprocedure) else '' end as leaves,
         case when t.tgqual is not null then pg_catalog.pg_get_triggerdef(t.oid) else '' end as as_made,
         pg_catalog.cardinality(t.tgattr::smallint[]) > 0 as of_columns,
         pg_catalog.regexp_replace(p.prosrc, '--[^\n]*|/\*.*?\*/', ' ', 'g') as body,
         pg_catalog.array_to_string(p.proconfig, '; ') as settings,
         pg_catalog.format('drop trigger %I on %s', t.tgname, c.name) as statement
    from chat_tables c
    join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal and t.tgparentid = 0::oid and t.tgenabled <> 'D'
    join pg_proc p on p.oid = t.tgfoid
    join pg_namespace s on s.oid = p.pronamespace
   where not exists (select from expected_objects w where w.kind = 'trigger' and w.name = c.relname::text || '.' || t.tgname::text)
), losing as materialized (
  -- Those by which rows may get lost without a word: all of them, or some. What looks something up, or for words, cannot be judged.
  select t.object, t.on_table, t.statement, t.kind, t.vital, s.some, t.root in ('chats', 'messages') as of_chats, t.root,
         t.kind & 2 = 0 as afterwards, w.text ~* '\mold\M' as compares,
         w.text ~* '\mid\s*=\s*new\s*\.\s*id\M|\mnew\s*\.\s*id\s*=\s*("?\w+"?\.)?id\M'
         or (w.text ~* '=\s*new\s*\.\s*real_user_id\M' and w.text ~* '=\s*new\s*\.\s*fictional_user_id\M') as twice,
         w.text ~* '\m(old|select|exists|perform|insert|execute|found|like|ilike|similar|exception|current_user|session_user|tg_\w+)\M|~|!~'
         or w.text ~* '=\s*''''|(<\s*1|<?=\s*0|>=?\s*\d{4,})\M|\mnew\s*\.\s*\w+\s+is\s+null\M'
         or w.text ~* '\m(?!(if|elsif|else|case|when|then|begin|end|while|loop|return|and|or|not|in|is|between|any|trigger|length|char_length|character_length|octet_length|btrim|trim|ltrim|rtrim|lower|upper|coalesce|nullif|left|right|random|mod|now|date_part|extract|clock_timestamp|array_length)\M)\w+\s*\(' as unjudged
    from triggers t
    -- What it does with a delete is none of the others' business.
   cross join lateral (
     select case when t.kind & 8 = 0
                 then pg_catalog.regexp_replace(t.body, '\m(if|elsif)\s+\(?\s*tg_op\s*=\s*''delete''\s*\)?\s+then\M((?!\m(elsif|else|end)\M).)*', ' ', 'gi')
                 else t.body end as body
   ) as b
   cross join lateral (
     select pg_catalog.regexp_replace(b.body, '\mreturn\s+(new|old|null)\M', ' ', 'gi') || '; ' || coalesce(pg_catalog.substring(t.as_made, 'WHEN (\(.*\)) EXECUTE'), '') as text
   ) as w
   cross join lateral (
     select case when t.kind & 2 = 0 then t.conditional or b.body ~* '\m(if|case|loop)\M'
                 else t.conditional
                      or b.body !~* '\mbegin\s+(new\s*:?=\s*(null|old)|select\s+null(\.\*)?\s+into\s+new)\s*;'
                      and (b.body ~* '\mreturn\s+new\M' or (t.kind & 8 <> 0 and b.body ~* '\mreturn\s+old\M')) end as some
   ) as s
       -- For each row, before it is written; what returns the old row takes an insert or update back, too.
   where t.kind & 3 = 3
     and (b.body ~* '\mreturn\s+null\M'
          or b.body ~* '\mnew\s*:?=\s*(null|old)\s*;|\mselect\s+null(\.\*)?\s+into\s+new\M'
          or (t.kind & 8 = 0 and b.body ~* '\mreturn\s+old\M' and b.body !~* '\mtg_op\M'))
      or t.kind & 7 = 5
     and b.body ~* ('\mdelete\s+from\s+(only\s+)?("?\w+"?\.)?"?' || t.root::text || '\M[^;]*\m(id|ctid)"?\s*=\s*new\s*\.\s*"?(id|ctid)\M')
), refusing as materialized (
  -- What a trigger, condition, default or index may call, that refuses whatever it is asked.
  select p.oid, p.proname, p.prosrc ~* b.says_no as says_no
    from (
      select p.oid, p.proname, p.prosrc, p.prorettype
        from pg_namespace n
        join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_proc'::regclass::oid
        join pg_proc p on p.oid = d.objid
       where n.nspname = current_schema() and p.prorettype <> 'trigger'::regtype::oid
         and not exists (select from expected_objects w where w.kind = 'function' and w.name = p.proname)
      -- Only what is left is read for words.
      offset 0
    ) as p
   cross join body_that b
   where (p.prosrc ~* '\m(raise|assert)\M|/\s*0' and p.prosrc ~* b.refuses) or (p.prorettype = 'bool'::regtype::oid and p.prosrc ~* b.says_no)
), refusing_every as materialized (
  select t.object
    from triggers t
   cross join body_that b
   where t.kind & 20 <> 0 and not t.conditional and not t.of_columns
     and (t.body ~* b.refuses
          or exists (select from refusing f
                      where not f.says_no and t.body ~* ('^((?!\mbegin\M).)*\mbegin\s+((?!\m(if|case|loop|while|for|foreach|return|begin)\M)[^;]*;\s*)*(perform|call)\s+("?\w+"?\.)?"?' || f.proname::text || '"?\s*\(')))
), simple as (
  -- Conditions that can be asked about a made-up row: texts by length or value, flags, numbers, what is not there.
  select c.number || '|\d+\s*(?:[<>]=?|<>|!=|=)\s*' || c.length
         || '|' || c.length || '\s*(?:(?:[<>]=?|<>|!=|=)\s*\d+|(?:not\s+)?between\s+\d+\s+and\s+\d+)'
         || '|' || c.word || '\s*(?:(?:=|<>|!=|!?~~\*?|\m(?:not\s+)?i?like\M|\mis\s+(?:not\s+)?distinct\s+from\M)\s*' || c.quoted
         || '|\m(?:not\s+)?in\s*\(\s*' || c.quoted || '(?:\s*,\s*' || c.quoted || ')*\s*\)'
         || '|(?:=\s*any|<>\s*all)\s*\(+\s*array\s*\[\s*' || c.quoted || '(?:\s*,\s*' || c.quoted || ')*\s*\]\s*\)+)'
         || '|new\s*\.\s*"?\w+"?\s+is\s+(?:not\s+)?null'
         || '|new\s*\.\s*"?(?:is_free_message|is_active)"?(?:\s*=\s*(?:true|false)|\s+is\s+(?:not\s+)?(?:true|false))?'
         || '|\m(?:true|false)\M' as condition
    from (
      select '(?:\d+|new\s*\.\s*"?(?:message_count|epoch|releases_without_reply)"?)\s*(?:[<>]=?|<>|!=|=)\s*\d+' as number,
             '(?:length|char_length|character_length|octet_length)\s*\(\s*' || w.word as length, w.word, '''[^''\\]*''' as quoted
        from (select '(?:(?:btrim|trim|ltrim|rtrim|lower|upper)\s*\(\s*)?\(*(?:tg_op|new\s*\.\s*"?(?:content|sender_type|chat_state|release_reason|closed_reason)"?)(?:\s*\))*' as word) as w
    ) as c
), bodies as materialized (
  -- Bodies that come to an error on some way, without loops and the like; messages may hold any word.
  select t.object, t.on_table, t.root, t.statement, t.kind, t.vital, b.text,
         case when t.conditional then pg_catalog.substring(t.as_made, 'WHEN (\(.*\)) EXECUTE') else 'true' end as begins
    from triggers t
   cross join lateral (
     select pg_catalog.regexp_replace(pg_catalog.substring(t.body, '\m[Bb][Ee][Gg][Ii][Nn]\M.*$'), '(\mraise\M\s*\w*\s*|\massert\M[^;'']*,\s*)''(?:[^'']|'''')*''', '\1', 'gi') as text
   ) as b
   where t.kind & 20 <> 0 and not t.of_columns and t.object not in (select e.object from refusing_every e)
     and (b.text ~* '\m(raise|assert)\M|/\s*0' or exists (select from refusing f where not f.says_no and b.text ~* ('\m' || f.proname::text || '"?\s*\(')))
     and b.text !~* '\m(loop|while|for|foreach|execute|exit|continue)\M|\mexception\s+when\M|\mbegin\M.*\mbegin\M|(;|\mthen|\melse|\mbegin)\s*case\M'
), steps as materialized (
  select b.object, e.place, pg_catalog.lower(pg_catalog.regexp_replace(coalesce(e.found[1], e.found[2], e.found[4], e.found[5], e.found[6]), '\s+', ' ')) as step,
         e.found[3] as condition
    from bodies b
   cross join lateral pg_catalog.regexp_matches(b.text,
     '\m(end\s+if)\M|\m(if|els(?:e)?if)\M((?:(?!\mthen\M)[^;])*)\mthen\M|\m(else|return)\M|(\mraise\s+(?:notice|warning|info|log|debug)\M)|(\mraise\M|/\s*0(?:\.0*)?(?![\w.])|\m(?:perform|call)\s+(?:"?\w+"?\.)?"?\w+"?\s*\(|\massert\M[^;]*)', 'gi')
     with ordinality as e (found, place)
), ways as materialized (
  -- Through a body step by step: the conditions of the branches it stands in, of those before them, and of what has not returned yet.
  with recursive walk as (
    select b.object collate "C" as object, 0::bigint as place, array[b.begins collate "C"] as branches, array['false' collate "C"] as before,
           'true' collate "C" as goes_on, null::text collate "C" as errs
      from bodies b
    union all
    select w.object, s.place,
           (case when s.step = 'if' then pg_catalog.array_append(w.branches, s.condition)
                when s.step in ('elsif', 'elseif') then pg_catalog.array_append(w.branches[1:n.deep - 1], s.condition)
                when s.step = 'else' then pg_catalog.array_append(w.branches[1:n.deep - 1], 'true')
                when s.step = 'end if' then w.branches[1:n.deep - 1] else w.branches end) collate "C",
           (case when s.step = 'if' then pg_catalog.array_append(w.before, 'false')
                when s.step in ('elsif', 'elseif', 'else') then pg_catalog.array_append(w.before[1:n.deep - 1], pg_catalog.format('%s or coalesce((%s), false)', w.before[n.deep], w.branches[n.deep]))
                when s.step = 'end if' then w.before[1:n.deep - 1] else w.before end) collate "C",
           (case when s.step = 'return' then pg_catalog.format('%s and not (%s)', w.goes_on, n.way) else w.goes_on end) collate "C",
           (case when s.step = 'raise' or s.step like '/%'
                  or (s.step ~ '^(perform|call) ' and exists (select from refusing f where not f.says_no and f.proname::text = pg_catalog.substring(s.step, '(\w+)"?\s*\($')))
                then pg_catalog.format('%s and %s', w.goes_on, n.way)
                when s.step like 'assert %' then pg_catalog.format('%s and %s and not coalesce((%s), false)', w.goes_on, n.way, pg_catalog.regexp_replace(pg_catalog.substr(s.step, 8), ',\s*$', '')) end) collate "C"
      from walk w
      join steps s on s.object = w.object and s.place = w.place + 1
     cross join lateral (
       select pg_catalog.cardinality(w.branches) as deep,
              (select pg_catalog.string_agg(pg_catalog.format('coalesce((%s), false) and not (%s)', w.branches[i.n], w.before[i.n]), ' and ')
                 from pg_catalog.generate_series(1, pg_catalog.cardinality(w.branches)) as i (n)) as way
     ) as n
  )
  select b.object, b.on_table, b.root, b.statement, b.kind, b.vital, c.condition
    from walk w
    join bodies b on b.object = w.object
   cross join lateral (select pg_catalog.regexp_replace(w.errs, '::(text|character varying|bpchar)(\[\])?', '', 'g') as condition) as c
   cross join simple m
   where w.errs is not null
     and pg_catalog.regexp_replace(c.condition, m.condition, ' ', 'gi') ~* '^(\s|[(),]|\m(and|or|not|coalesce)\M)*$'
), refused as materialized (
  select w.object, w.statement, w.vital, m.told
    from ways w
    join made_up m on m.relation = w.root::text
     and ((w.kind & 4 <> 0 and m.act in ('insert', 'both')) or (w.kind & 16 <> 0 and m.act in ('update', 'both')))
   cross join lateral (
     select pg_catalog.string_agg(
              pg_catalog.format('%s::%s as %I',
                pg_catalog.quote_nullable(case when m.row_of ->> a.attname::text = 'soon' then 'now'
                                               when y.typname = 'uuid' then '00000000-0000-0000-0000-00000000000' || (m.row_of ->> a.attname::text)
                                               else m.row_of ->> a.attname::text end),
                pg_catalog.format_type(y.oid, null), a.attname), ', ') as listed,
            pg_catalog.array_agg(a.attname::text) as names
       from pg_attribute a
       join pg_type y on y.oid = a.atttypid
       join chat_tables c on c.oid = a.attrelid and c.relname = w.root and not c.ours and not c.relispartition
      where a.attnum > 0 and not a.attisdropped and m.row_of ? a.attname::text
        and y.typname = case when a.attname in ('content', 'sender_type', 'chat_state', 'release_reason', 'closed_reason') and y.typname = 'varchar' then 'varchar'
                             when a.attname in ('content', 'sender_type', 'chat_state', 'release_reason', 'closed_reason') then 'text'
                             when a.attname in ('is_free_message', 'is_active') then 'bool'
                             when a.attname in ('message_count', 'epoch', 'releases_without_reply') then case y.typname when 'int8' then 'int8' else 'int4' end
                             else y.typname end
        and y.typname in ('uuid', 'text', 'varchar', 'bool', 'int4', 'int8', 'timestamptz')
   ) as v
   where not exists (select from pg_catalog.regexp_matches(w.condition, 'new\s*\.\s*"?(\w+)', 'gi') as u (name) where pg_catalog.lower(u.name[1]) <> all (v.names))
     -- Who comes as an update of another row's kind is asked by its own rows.
     and (select pg_catalog.count(*)
            from pg_catalog.ts_stat(pg_catalog.format('select pg_catalog.array_to_tsvector(array[''refused'']) from (select %s, %L::text as tg_op) as new where %s',
                                                      v.listed, case when m.act = 'update' then 'UPDATE' when w.kind & 4 <> 0 then 'INSERT' else 'UPDATE' end, w.condition))) > 0
), keys as materialized (
  -- Keys that others made, each with all columns that it looks at.
  select c.ours, c.relname, c.name as on_table, i.relname as index_name, k.conname, x.indnullsnotdistinct,
         -- A time that is not there as such, but cut or as a span, is no more than repeated.
         (select coalesce(pg_catalog.array_agg(distinct a.attname::text) filter (where a.attnum = any (x.indkey::smallint[]) or a.atttypid <> 'timestamptz'::regtype::oid), '{}')
            from pg_attribute a
           where a.attrelid = c.oid and a.attnum > 0
             and (a.attnum = any (x.indkey::smallint[])
                  or exists (select from pg_depend d
                              where d.classid = 'pg_class'::regclass::oid and d.objid = x.indexrelid
                                and d.refclassid = 'pg_class'::regclass::oid and d.refobjid = c.oid and d.refobjsubid = a.attnum))) as columns
    from chat_tables c
    join pg_index x on x.indrelid = c.oid and (x.indisunique or x.indisexclusion) and not x.indisprimary and x.indisready  -- one that was never built refuses nothing
    join pg_class i on i.oid = x.indexrelid
    left join pg_constraint k on k.conindid = x.indexrelid and k.conrelid = c.oid
   cross join lateral (select case when c.ours then 'chatops.' else '' end as prefix) as s
   where not c.relispartition
     and not exists (select from expected_objects w where (w.kind = 'index' and w.name = s.prefix || i.relname::text)
                                             or (w.kind = 'constraint' and w.name = s.prefix || c.relname::text || '.' || k.conname::text))
), repeated (relation, columns) as (
  -- What ordinary rows have in common: a key on these alone refuses the second one.
  values ('messages', array['chat_id', 'sender_type', 'content', 'handled_by_operator_id', 'is_free_message']),
         ('chats', array['real_user_id', 'chat_state', 'is_active', 'message_count', 'last_operator_id']),
         ('chats', array['fictional_user_id', 'chat_state', 'is_active', 'message_count', 'last_operator_id']),
         ('chat_assignments', array['chat_id', 'operator_id', 'release_reason']),
         ('operators', array['is_active', 'is_available', 'total_messages']),
         ('real_users', array['is_active'])
), paths as (
  -- What stands before this schema on the paths that are set for the database or for those whom the application comes as.
  select s.role, s.setting, pg_catalog.btrim(e.entry, '" ') as entry, e.place
    from (
      select case when r.rolname is null then 'everybody' else r.rolname::text end as role, r.rolname as own, pg_catalog.substr(c.setting, 13) as setting
        from pg_db_role_setting x
        left join pg_database d on d.oid = x.setdatabase
        left join pg_roles r on r.oid = x.setrole
       cross join lateral pg_catalog.unnest(x.setconfig) as c (setting)
       where (x.setdatabase = 0::oid or d.datname = current_database()) and c.setting like 'search_path=%'
      union all
      select r.rolname::text, r.rolname, '"$user", public' from pg_roles r
       where r.rolname in ('authenticator', 'authenticated', 'anon', 'service_role') or exists (select from chat_tables t where t.relname = 'chats' and t.relowner = r.oid)
    ) as s
   cross join lateral pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.replace(s.setting, '"$user"', coalesce(s.own::text, '$user')), ',')) with ordinality as e (entry, place)
), before as materialized (
  select n.oid, n.nspname, pg_catalog.min(p.role) as role
    from paths p
    join pg_namespace n on n.nspname = p.entry and n.nspname <> current_schema() and n.nspname not in ('pg_catalog', 'chatops')
    join paths own on own.role = p.role and own.setting = p.setting and own.entry = current_schema() and own.place > p.place
   -- Another tenant's schema has all of them, for itself.
   where not exists (select from pg_class c where c.relnamespace = n.oid and c.relname = 'chats')
      or not exists (select from pg_class c where c.relnamespace = n.oid and c.relname = 'messages')
   group by n.oid, n.nspname
)
select found.kind, found.object, found.trouble, made.function, made.owner, found.statement || ';' as remedy, coalesce(made.leaves, '') as leaves, found.stops and not found.advice as critical, found.advice,
       -- What shows it, as a word of a shell.
       '''' || pg_catalog.replace(
         case when made.function is not null then '\sf ' || made.function || '()'
              when found.kind = 'event trigger' then '\dy+ ' || pg_catalog.quote_ident(found.object)
              -- As DROP takes it: by the types alone.
              when found.kind = 'function' then '\sf ' || pg_catalog.regexp_replace(found.statement, '^drop (routine|function) ', '')
              when found.kind = 'subscription' then '\dRs+ ' || pg_catalog.quote_ident(found.object)
              when found.kind = 'index' then '\d+ ' || pg_catalog.quote_ident(found.object)
              when found.kind in ('table', 'view', 'sequence') then '\d+ ' || found.object
              else '\d+ ' || pg_catalog.regexp_replace(found.object, '\.[^.]*$', '') end, '''', '''\''''') || '''' as look,
       said.because, said.so
  from (
    select 'rule' as kind, r.name as object, 'rewrites what is written into ' || r.of as trouble,
           pg_catalog.format('drop rule %I on %s', pg_catalog.substr(r.name, pg_catalog.length(r.of) + 2), case when r.of like 'chatops.%' then r.of else pg_catalog.quote_ident(r.of) end) as statement, false as advice, r.of in ('chats', 'messages', 'chat_assignments', 'operator_activity') as stops
      from structure r
     where r.kind = 'rule'
       and exists (select from chat_tables c where (case when c.ours then 'chatops.' else '' end || c.relname::text) = r.of)
    union all
    select 'trigger', t.object,
           case when t.afterwards then 'deletes ' || case when t.some then 'some of what' else 'what' end || ' is written into '
                when t.kind & 20 = 0 then 'keeps rows from being deleted from '
                when not t.some then 'drops rows of '
                when t.kind & 4 = 0 then 'drops some updates of '
                else 'drops some rows of ' end || t.on_table, t.statement,
           -- What keeps rows from being deleted marks them as deleted, perhaps; an update that changes nothing, or a row that comes
           -- twice, may go.
           not t.afterwards and t.kind & 20 = 0
           or t.some and (t.kind & 4 = 0 and t.compares or not t.afterwards and t.twice or t.unjudged and not t.of_chats),
           t.vital and not (t.some and t.unjudged)
      from losing t
    union all
    select 'trigger', t.object,
           'refuses every ' || pg_catalog.concat_ws(' and ', case when t.kind & 4 <> 0 then 'insert' end, case when t.kind & 16 <> 0 then 'update' end) || ' of ' || t.on_table,
           t.statement, false, t.vital
      from triggers t
     where t.object in (select e.object from refusing_every e)
    union all
    select 'trigger', r.object, 'refuses ' || pg_catalog.string_agg(distinct r.told, ', '), r.statement, false, pg_catalog.bool_or(r.vital)
      from refused r
     group by r.object, r.statement
    union all
    -- In a statement of that function about this table its name means two things.
    select 'column', k.object, 'has the name of a variable of ' || pg_catalog.min(p.proname::text) || ', which fails with it or takes the one for the other',
           k.statement, false, pg_catalog.bool_or(w.vital)
      from (
        select c.relname::text || '.' || a.attname::text as object, a.attname::text as name, c.relname::text as relation,
               pg_catalog.format('alter table %s rename column %I to %I', c.name, a.attname, a.attname::text || '_') as statement
          from chat_tables c
          join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         where not c.ours and a.attname::text ~ '^[pvc]_[a-z0-9_]+$'
        offset 0
      ) as k
      join pg_namespace n on n.nspname = current_schema()
      join pg_proc p on p.pronamespace = n.oid and p.prosrc ~ ('(?<![.])\m' || k.name || '\M')
      join expected_objects w on w.kind = 'function' and w.name = p.proname
     where not exists (select from expected_objects o where o.kind = 'column' and o.name = k.object)
       and exists (select from pg_catalog.regexp_split_to_table(p.prosrc, ';') as s (text)
                    where s.text ~ ('\m' || k.relation || '\M') and s.text ~ ('(?<![.])\m' || k.name || '\M'))
     group by k.object, k.statement
    union all
    -- A function or table that a trigger uses was dropped: with it every write fails.
    select 'trigger', t.object,
           case when t.body ~* '\mexception\M' then 'fails within, and goes on, at an ' when w.at_times then 'fails at times, at an ' else 'makes every ' end
           || pg_catalog.concat_ws(' and ', case when t.kind & 4 <> 0 then 'insert' end, case when t.kind & 16 <> 0 then 'update' end, case when t.kind & 8 <> 0 then 'delete' end)
           || ' of ' || t.on_table || case when w.at_times or t.body ~* '\mexception\M' then '' else ' fail' end || ': it ' || w.uses || ' ' || w.name || ', which is not there',
           t.statement, t.body ~* '\mexception\M', t.vital and not w.at_times
      from triggers t
     cross join lateral (
       select pg_catalog.min(used.name) as name, used.uses, t.conditional or t.of_columns or t.body ~* '\m(if|case|loop)\M' as at_times
         from (
           select coalesce(m.found[1], pg_catalog.lower(m.found[2])) as name, 'calls' as uses
             from pg_catalog.regexp_matches(t.body, '(?:;|\mbegin|\mthen|\melse)\s*(?:perform|call)\s+(?:(?:"[^"]+"|\w+)\s*\.\s*)?(?:"([^"]+)"|(\w+))\s*\(', 'gi') as m (found)
            where coalesce(m.found[2], '') !~* '^(coalesce|greatest|least|nullif|row|cast|exists|array|xml.*|json.*)$'
              and not exists (select from pg_proc p where p.proname = coalesce(m.found[1], pg_catalog.lower(m.found[2])))
           union all
           select coalesce(m.found[1], pg_catalog.lower(m.found[2])), 'writes into'
             from pg_catalog.regexp_matches(t.body, '(?:;|\mbegin|\mthen|\melse)\s*(?:insert\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?)\s+(?:(?:"[^"]+"|\w+)\s*\.\s*)?(?:"([^"]+)"|(\w+))', 'gi') as m (found)
            where t.body !~* '\mcreate\M'
              and not exists (select from pg_class c where c.relname = coalesce(m.found[1], pg_catalog.lower(m.found[2])))
         ) as used
        group by used.uses
     ) as w
    union all
    -- In one: each of them by itself costs the planner a millisecond, and mostly there is no such trigger.
    select 'trigger', t.object, d.trouble, t.statement, d.advice, d.stops
      from triggers t
     cross join lateral pg_catalog.regexp_match(t.body,
       '(;|\mbegin|\mthen|\melse|\mloop|\minto)\s*new\s*\.\s*"?(chat_id|sender_type|handled_by_operator_id|chat_state|assigned_operator_id|operator_id|is_active|released_at|assigned_at|assignment_time)"?\s*(:?=|;|from\M)', 'i') as m (found)
     cross join lateral pg_catalog.regexp_match(t.body,
       '(;|\mbegin)\s*new\s*\.\s*"?(id|content|created_at|last_activity|last_message_at)"?\s*:?=\s*(?![^;]*\m(new|coalesce|case|now|clock_timestamp|statement_timestamp|current_timestamp)\M)', 'i') as g (found)
     cross join lateral (values
       (t.kind & 3 = 3 and t.kind & 20 <> 0 and m.found is not null,
        'sets ' || pg_catalog.lower(m.found[2]) || ' of what is written into ' || t.on_table,
        -- Always, and to something that has nothing to do with what was written.
        t.conditional or t.body !~* '^((?!\mbegin\M).)*\mbegin\s+new\s*\.\s*"?(chat_id|sender_type|chat_state|assigned_operator_id|operator_id|is_active|released_at)"?\s*:?=\s*(?![^;]*\m(new|old|coalesce|case)\M)', t.vital),
       -- Ids and times may be filled in; what was given is another matter.
       (t.kind & 3 = 3 and t.kind & 20 <> 0 and g.found is not null,
        'sets ' || pg_catalog.lower(g.found[2]) || ' of what is written into ' || t.on_table || ', whatever was given', true, false),
       (t.kind & 3 = 3 and t.kind & 20 <> 0 and t.body ~* '(;|\mbegin|\mthen|\melse)\s*new\s*:?=\s*(?!null\M|old\s*;|new\s*;)',
        'puts another row in the place of what is written into ' || t.on_table, true, false),
       (not exists (select from losing l where l.object = t.object and l.afterwards)
        and t.body ~* '\m(delete\s+from\s+(only\s+)?("?\w+"?\.)?"?(chats|messages|chat_assignments|operator_activity|operators)\M|truncate\s|update\s+(only\s+)?("?\w+"?\.)?"?(chats\M[^;]*\m(chat_state|assigned_operator_id|is_active)|chat_assignments\M[^;]*\m(released_at|operator_id)|operators\M[^;]*\m(is_active|is_available)|messages\M[^;]*\m(chat_id|sender_type|content|created_at))\s*=)',
        'changes chats or messages by itself', true, false),
       (t.body ~* '\mpg_sleep(_for|_until)?\s*\(|\mset_config\s*\(\s*''(role|session_replication_role|chatops\.write|session_authorization)''|\mset\s+(local\s+|session\s+)?(role|session_replication_role|chatops\.write|session\s+authorization)\M'
        or t.settings ~ '(^|; )(role|session_replication_role|chatops\.write)=',
        case when t.body ~* '\mpg_sleep(_for|_until)?\s*\(' then 'keeps every write of ' || t.on_table || ' waiting'
             else 'changes who writes, and which guards see it' end, true, false)
     ) as d (so, trouble, advice, stops)
     where d.so
    union all
    select u.kind, u.object, 'refuses every row of ' || u.on_table || ': it calls ' || g.proname::text, u.statement, false, u.vital
      from (
        select 'index' as kind, i.relname::text as object, c.name as on_table, not c.ours and c.root in ('chats', 'messages', 'chat_assignments', 'operator_activity') as vital, 'pg_class'::regclass::oid as class_id, i.oid as id,
               pg_catalog.format('drop index %s%I', case when c.ours then 'chatops.' else '' end, i.relname) as statement
          from chat_tables c join pg_index x on x.indrelid = c.oid join pg_class i on i.oid = x.indexrelid
        union all
        select 'constraint', c.relname::text || '.' || k.conname::text, c.name, not c.ours and c.root in ('chats', 'messages', 'chat_assignments', 'operator_activity'), 'pg_constraint'::regclass::oid, k.oid,
               pg_catalog.format('alter table %s drop constraint %I', c.name, k.conname)
          from chat_tables c join pg_constraint k on k.conrelid = c.oid and k.contype = 'c'
        union all
        select case a.attgenerated when '' then 'default' else 'generated column' end, c.relname::text || '.' || a.attname::text, c.name, not c.ours and c.root in ('chats', 'messages', 'chat_assignments', 'operator_activity'), 'pg_attrdef'::regclass::oid, d.oid,
               pg_catalog.format('alter table %s %s', c.name, pg_catalog.format(case a.attgenerated when '' then 'alter column %I drop default' else 'drop column %I' end, a.attname))
          from chat_tables c join pg_attrdef d on d.adrelid = c.oid join pg_attribute a on a.attrelid = c.oid and a.attnum = d.adnum
      ) as u
      join pg_depend d on d.classid = u.class_id and d.objid = u.id and d.refclassid = 'pg_proc'::regclass::oid
      join refusing g on g.oid = d.refobjid and (u.kind = 'constraint' or not g.says_no)
    union all
    select 'event trigger', e.evtname::text,
           case when e.evtevent = 'login' then 'refuses some who log in'
                else 'refuses every ' || coalesce(pg_catalog.array_to_string(e.evttags, ', '), 'change of the schema') end,
           pg_catalog.format('drop event trigger %I', e.evtname), true, false
      from pg_event_trigger e
      join pg_proc p on p.oid = e.evtfoid
     cross join body_that b
     where e.evtenabled <> 'D'
       and (e.evtevent in ('ddl_command_start', 'ddl_command_end', 'sql_drop', 'table_rewrite') and p.prosrc ~* b.refuses
            or e.evtevent = 'login' and p.prosrc ~* '\mraise\s+(?!notice\M|warning\M|info\M|log\M|debug\M)')
    union all
    -- Its rows are read as the parent's, and no trigger, key or index of the parent sees them.
    select 'table', k.oid::regclass::text, 'inherits from ' || c.name || ': its rows are read there, and obey none of its guards and keys',
           pg_catalog.format('alter table %s no inherit %s', k.oid::regclass, c.name), false, false
      from chat_tables c
      join pg_inherits i on i.inhparent = c.oid
      join pg_class k on k.oid = i.inhrelid and not k.relispartition
     where not c.ours
    union all
    select case when k.conname is null then 'unique index' else 'key' end, k.relname::text || '.' || coalesce(k.conname, k.index_name)::text,
           'refuses ordinary rows of ' || k.on_table || coalesce(' that have the same ' || nullif(pg_catalog.array_to_string(k.columns, ', '), ''), ' whose times are cut or compared alike'),
           case when k.conname is null then pg_catalog.format('drop index %s%I', case when k.ours then 'chatops.' else '' end, k.index_name)
                else pg_catalog.format('alter table %s drop constraint %I', k.on_table, k.conname) end, false, k.relname in ('chats', 'messages', 'chat_assignments', 'operator_activity')
      from keys k
     where k.ours or exists (select from repeated r where r.relation = k.relname and k.columns operator(pg_catalog.<@) r.columns)
       -- One profile for each user may be meant, where nothing says that it is one chat for each pair.
       and (k.columns operator(pg_catalog.<>) array['real_user_id']
            or exists (select from pg_index x
                        where x.indrelid = 'chats'::regclass::oid and x.indisunique and x.indnkeyatts = 2
                          and (select pg_catalog.count(*) from pg_attribute a where a.attrelid = x.indrelid and a.attnum = any (x.indkey::smallint[])
                                  and a.attname in ('real_user_id', 'fictional_user_id')) = 2))
        or (k.relname = 'chats' and k.indnullsnotdistinct and k.columns operator(pg_catalog.=) array['assigned_operator_id'])
    union all
    select case when k.conname is null then 'unique index' else 'key' end, k.relname::text || '.' || coalesce(k.conname, k.index_name)::text,
           'lets an operator or a chat have one heartbeat', pg_catalog.format('drop index %I', k.index_name), true, false
      from keys k
     where k.relname = 'operator_activity' and pg_catalog.cardinality(k.columns) = 1 and k.columns operator(pg_catalog.<@) array['chat_id', 'operator_id']
    union all
    -- A text of more than a third of a page has no room in such an index, and not every text is a number.
    select 'index', i.relname::text, case when e.text ~ '::(integer|bigint|smallint|numeric|uuid|json|jsonb|date|timestamp|double precision|boolean)' then 'refuses messages that cannot be turned into what it holds'
                                          else 'refuses long messages: a btree has no room for them' end, pg_catalog.format('drop index %I', i.relname), false, true
      from chat_tables c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'content'
      join pg_index x on x.indrelid = c.oid
       and (a.attnum = any (x.indkey::smallint[])
            or exists (select from pg_depend d where d.classid = 'pg_class'::regclass::oid and d.objid = x.indexrelid
                          and d.refclassid = 'pg_class'::regclass::oid and d.refobjid = c.oid and d.refobjsubid = a.attnum))
      join pg_class i on i.oid = x.indexrelid
      join pg_am m on m.oid = i.relam
      join pg_attribute h on h.attrelid = i.oid
     cross join lateral (select pg_catalog.pg_get_indexdef(i.oid, h.attnum::integer, true) as text) as e
     where c.relname = 'messages' and e.text ~ '\mcontent\M' and not exists (select from pg_constraint k where k.conindid = x.indexrelid and k.conrelid = x.indrelid)
       and (m.amname = 'btree' and h.atttypid in ('text'::regtype::oid, 'varchar'::regtype::oid, 'bpchar'::regtype::oid)
            and e.text !~* '\m(left|right|substr|substring|md5|sha\d+|digest|hash\w*|split_part)\M'
            or e.text ~ '\mcontent\M[^,]*::(integer|bigint|smallint|numeric|uuid|json|jsonb|date|timestamp|double precision|boolean)')
    union all
    select 'generated column', c.relname::text || '.' || g.attname::text, 'refuses messages that cannot be turned into what it holds',
           pg_catalog.format('alter table %s drop column %I', c.name, g.attname), false, true
      from chat_tables c
      join pg_attribute g on g.attrelid = c.oid and g.attgenerated <> '' and not g.attisdropped
      join pg_attrdef d on d.adrelid = c.oid and d.adnum = g.attnum
     where c.relname = 'messages' and pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ '\mcontent\M[^,]*::(integer|bigint|smallint|numeric|uuid|json|jsonb|date|timestamp|double precision|boolean)'
    union all
    select e.kind, e.object, 'refuses the rows of ' || e.on_table || ' by which it cannot divide', e.statement, true, false
      from (
        select 'index' as kind, i.relname::text as object, c.name as on_table, pg_catalog.format('drop index %I', i.relname) as statement,
               pg_catalog.concat(pg_catalog.pg_get_expr(x.indexprs, x.indrelid), ' ', pg_catalog.pg_get_expr(x.indpred, x.indrelid)) as text
          from chat_tables c join pg_index x on x.indrelid = c.oid and (x.indexprs is not null or x.indpred is not null) join pg_class i on i.oid = x.indexrelid
         where not c.ours
        union all
        select 'generated column', c.relname::text || '.' || g.attname::text, c.name, pg_catalog.format('alter table %s drop column %I', c.name, g.attname),
               pg_catalog.pg_get_expr(d.adbin, d.adrelid)
          from chat_tables c
          join pg_attribute g on g.attrelid = c.oid and g.attgenerated <> '' and not g.attisdropped
          join pg_attrdef d on d.adrelid = c.oid and d.adnum = g.attnum
         where not c.ours
      ) as e
     where pg_catalog.regexp_replace(e.text, '''(?:[^'']|'''')*''', '', 'g') ~ '[/%]\s*[(a-z"]'
    union all
    select 'subscription', s.subname::text, 'writes ' || pg_catalog.string_agg(c.relname, ', ' order by c.relname) || ' past all guards',
           pg_catalog.format('alter subscription %I disable', s.subname), true, false
      from pg_subscription_rel r
      join chat_tables c on c.oid = r.srrelid and not c.ours
      join (select w.oid, w.subname from pg_subscription w where w.subenabled) as s on s.oid = r.srsubid
     group by s.subname
    union all
    select 'foreign key', c.relname::text || '.' || k.conname::text, 'looks for ' || m.target || ' among ' || k.confrelid::regclass::text,
           pg_catalog.format('alter table %s drop constraint %I', c.name, k.conname), false, c.root in ('chats', 'messages', 'chat_assignments', 'operator_activity')
      from chat_tables c
      join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0::oid
      join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey)
      join (values ('chat_id', 'chats'), ('assigned_operator_id', 'operators'), ('last_operator_id', 'operators'), ('operator_id', 'operators'),
                   ('handled_by_operator_id', 'operators'), ('real_user_id', 'real_users'), ('fictional_user_id', 'fictional_users'))
             as m (name, target) on m.name = a.attname
     where not c.ours
       and exists (select from chat_tables o where o.oid = k.confrelid and not o.ours and o.root <> m.target)
    union all
    -- Elsewhere there may be all of them; who is not there cannot be referred to.
    select 'foreign key', e.object, 'looks for ' || e.target || ' in ' || e.confrelid::regclass::text || ', where some of them are not', e.statement,
           e.named in ('real_user_id', 'fictional_user_id'), e.vital
      from (
        select c.relname::text || '.' || k.conname::text as object, c.root in ('chats', 'messages', 'chat_assignments', 'operator_activity') as vital, k.confrelid, m.target, m.name as named,
               pg_catalog.format('alter table %s drop constraint %I', c.name, k.conname) as statement,
               pg_catalog.format('select pg_catalog.array_to_tsvector(array[''missing'']) from %s as n where not exists (select from %s as f where f.%I = n.id) limit 1',
                                 t.name, k.confrelid::regclass, b.attname) as query
          from chat_tables c
          join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0::oid and pg_catalog.cardinality(k.conkey) = 1
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
          join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1] and b.atttypid = a.atttypid
          join (values ('chat_id', 'chats'), ('assigned_operator_id', 'operators'), ('last_operator_id', 'operators'), ('operator_id', 'operators'),
                       ('handled_by_operator_id', 'operators'), ('real_user_id', 'real_users'), ('fictional_user_id', 'fictional_users'))
                 as m (name, target) on m.name = a.attname
          join chat_tables t on t.relname = m.target and not t.ours and not t.relispartition
          join pg_class e on e.oid = k.confrelid
         where not c.ours
           and not exists (select from chat_tables o where o.oid = k.confrelid)
           and exists (select from pg_attribute i where i.attrelid = t.oid and i.attname = 'id' and i.atttypid = b.atttypid)
           and pg_catalog.has_schema_privilege(e.relnamespace, 'usage') and pg_catalog.has_table_privilege(e.oid, 'select')
           and pg_catalog.has_table_privilege(t.oid, 'select')
           and not pg_catalog.row_security_active(e.oid) and not pg_catalog.row_security_active(t.oid)
        -- The tables are read for the keys that are left, and for no other.
        offset 0
      ) as e
     where (select pg_catalog.count(*) from pg_catalog.ts_stat(e.query)) > 0
    union all
    -- Of two ends of one reference the stricter one wins: what the other lets go cannot be deleted.
    select 'foreign key', c.name || '.' || k.conname::text, 'keeps rows of ' || k.confrelid::regclass::text || ' from being deleted, which another key lets go',
           pg_catalog.format('alter table %s drop constraint %I', c.name, k.conname), true, false
      from chat_tables c
      join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0::oid and k.confdeltype in ('a', 'r') and k.convalidated
     where not c.ours
       and exists (select from pg_constraint o
                    where o.conrelid = k.conrelid and o.contype = 'f' and o.conkey operator(pg_catalog.=) k.conkey and o.confrelid = k.confrelid
                      and o.confdeltype not in ('a', 'r'))
    union all
    select 'foreign key', c.name || '.' || k.conname::text, 'ties what chatops notes to rows that may go', pg_catalog.format('alter table %s drop constraint %I', c.name, k.conname),
           k.confdeltype in ('n', 'd'), false
      from chat_tables c
      join pg_constraint k on k.conrelid = c.oid and k.contype = 'f'
     where c.ours and not exists (select from expected_objects w where w.kind = 'constraint' and w.name = 'chatops.' || c.relname::text || '.' || k.conname::text)
       and not exists (select from chat_tables o where o.oid = k.confrelid and o.ours)
    union all
    select 'column', s.name, 'may not be null, has no default, and nothing of chatops fills it', pg_catalog.format('alter table %s alter column %I drop not null', s.of, pg_catalog.split_part(s.name, '.', 3)), false, false
      from structure s
     where s.kind = 'column' and s.of like 'chatops.%' and s.definition ->> 'not_null'::text = 'true'
       and s.definition ->> 'default'::text = '' and s.definition ->> 'identity'::text = ''
       and exists (select from expected_objects w where w.kind = 'table' and w.name = s.of)
       and not exists (select from expected_objects w where w.kind = 'column' and w.name = s.name)
    union all
    select 'function', f.name || '(' || f.arguments || ')', 'has the name of ours',
           -- What DROP takes is without defaults.
           pg_catalog.format('drop routine %s', coalesce(r.oid::regprocedure::text, f.name || '(' || f.arguments || ')')), false, f.vital
      from functions f
      left join pg_proc r on r.proname = f.name and r.pronamespace = (select n.oid from pg_namespace n where n.nspname = current_schema())
       and pg_catalog.pg_get_function_arguments(r.oid) = f.arguments
     where f.of_that_name > 1
       and case when (select pg_catalog.bool_or(g.is_ours) from functions g where g.name = f.name) then not f.is_ours else f.place > 1 end
    union all
    select 'function', p.oid::regprocedure::text, 'stands before ours on the path of ' || b.role, pg_catalog.format('drop routine %s', p.oid::regprocedure), false,
           exists (select from expected_objects w where w.kind = 'function' and w.name = p.proname and w.vital)
      from before b
      join pg_proc p on p.pronamespace = b.oid
     where exists (select from expected_objects w where w.kind = 'function' and w.name = p.proname)
    union all
    select case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass::text, 'stands before ours on the path of ' || b.role,
           pg_catalog.format('drop %s %s', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass), false,
           exists (select from expected_objects w where w.kind = 'table' and w.name = c.relname and w.vital)
      from before b
      join pg_class c on c.relnamespace = b.oid and c.relkind in ('r', 'p', 'v', 'f')
     where exists (select from expected_objects w where w.kind in ('table', 'view') and w.name = c.relname)
    union all
    select s.kind, s.name, 'is nobody''s that chatops knows', 'drop ' || s.kind || ' ' || s.name, true, false
      from structure s
     where s.name::text like 'chatops.%'
       and s.kind in ('table', 'view', 'function', 'sequence')
       and not exists (select from expected_objects w where w.kind = s.kind and w.name = s.name)
       and s.kind || ' ' || s.name <> all (:'known'::text[])
  ) as found
  left join (select distinct object, function, owner, leaves from triggers) as made on found.kind = 'trigger' and made.object = found.object
  left join losing as lost on found.kind = 'trigger' and lost.object = found.object
 cross join lateral (
   -- What fails with the writes of a table that it refuses.
   select case coalesce(pg_catalog.substring(found.trouble, ' (?:of|into) (?:the rows of )?(chats|messages|chat_assignments|operator_activity|operators|real_users|fictional_users|chatops\.\w+)\M'), '')
            when 'messages' then 'no message is stored, of users or operators'
            when 'chats' then 'no chat is begun, assigned, answered or given back'
            when 'chat_assignments' then 'no chat is assigned, and none given back'
            when 'operator_activity' then 'no chat is assigned, and heartbeats fail'
            when 'operators' then 'nobody comes on shift or leaves it'
            else 'what the application writes there is not stored' end as lost
 ) as whole
 cross join lateral (
   -- What one of these does to people, and where it comes from: of another it would not be true.
   select case when found.trouble like '%, which is not there' then 'what the trigger uses was dropped or renamed, and the trigger stayed'
               when found.trouble ~ '^(has the name of ours|stands before ours)' then 'another tool brought something of the same name, or somebody made a second one instead of replacing ours'
               when found.trouble like 'may not be null, has no default,%' then 'somebody added it to a table of chatops'
               when found.kind = 'subscription' then 'somebody set up replication into these tables'
               else 'somebody, or another tool, made it beside ours' end as because,
          case when found.kind = 'trigger' and found.trouble ~ '^refuses (a|an) ' then 'whoever writes that gets an error, and it is not kept'
            when not found.advice and lost.root = 'messages' then 'messages of users and operators may be lost without a word: the application takes them for written, and nothing says which'
               when not found.advice and lost.root = 'chats' then 'chats, or what becomes of them, may be lost without a word: the application takes them for written'
               when lost.root is not null then 'rows that the application takes for written may not be there'
               when found.kind = 'rule' then 'what is written there becomes something else, or nothing, and the application takes it for written'
               when found.trouble = 'has the name of ours'
               then 'calls find two functions of that name, and are refused as not unique (42725), or find this one'
                    || case pg_catalog.split_part(found.object, '(', 1)
                         when 'assign_chat_to_operator' then ': no operator is given a chat' when 'release_and_reassign_chat' then ': no chat is given back'
                         when 'should_keep_assignment' then ': the application cannot ask whether a chat stays with its operator' else '' end
               when found.kind = 'function' then 'whoever comes by that path calls this one in place of ours'
               when found.trouble like 'stands before ours%' then 'whoever comes by that path reads and writes this one in place of ours'
               when found.kind = 'table' and found.trouble like 'inherits from %' then 'chats and messages show up that no guard, key or count has seen'
               when found.kind = 'column' and found.trouble like 'has the name of a variable%' then 'what that function does is refused, or done to the wrong rows'
               when found.trouble like 'may not be null, has no default,%' then 'what chatops notes there is refused, and the change with it'
               when found.trouble ~ '^(refuses every|makes every) (insert|insert and update|insert and update and delete|update|row)' then 'writes fail with an error: ' || whole.lost
               when found.trouble like 'refuses every %' or found.trouble like 'refuses some %' then 'files and people that meet it are refused'
               when found.trouble ~ '^(unless|fails)' then 'writes that meet it fail with an error, or go on without it'
               when found.trouble ~ '^refuses (messages that|long messages)' then 'such messages are not stored: whoever writes one gets an error'
               when found.trouble like 'refuses ordinary rows %' then 'the second of such rows is refused (23505): the application''s write fails'
               when found.trouble like 'refuses the rows %' then 'writes of such rows fail with an error'
               when found.trouble like 'lets an operator or a chat have one heartbeat' then 'a second heartbeat takes the place of the first, or is refused'
               when found.trouble like 'looks for %' then 'rows whose id is not there are refused (23503): writes of the application fail'
               when found.trouble like 'keeps rows of %' then 'what the application deletes is refused'
               when found.trouble like 'ties what chatops notes %' then 'what chatops notes goes, or is refused, with rows of others'
               when found.trouble ~ '^(sets|puts another row) ' then 'something else is stored than was written: chats, messages or turns are not what the application takes them for'
               when found.trouble like 'changes chats or messages by itself' then 'chats change without anybody who did it'
               when found.trouble like 'keeps every write %' then 'each write takes longer, and holds its locks for as long'
               when found.trouble like 'changes who writes%' then 'writes pass guards, or are refused, as if somebody else wrote them'
               when found.kind = 'subscription' then 'rows come in, or change, that no guard has seen'
               when found.trouble like 'is nobody%' then 'nothing is known to: it stands among the names of chatops' end as so
 ) as said
 order by critical desc, found.advice, found.kind, found.object
