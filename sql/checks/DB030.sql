-- What protected, published or shaped a table when chatops last looked, and is gone or weaker; and what came since?
-- code: DB030
-- title: {count} safeguards of the tables are gone, changed or new
-- title-one: {object} {trouble}
-- narrow: {count} safeguards are gone, other or new
-- narrow-one: 1 safeguard is gone, other or new
-- severity: warning
-- critical: those who write and read chats and messages may not any more, or their rows are refused
-- advice: all of it is what an application changes in its own releases without harm
-- group: schema
-- expected: row level security, policies, publications, keys, defaults and rights are as chatops last found them, or more
-- why: a restore left them out, or somebody took them away to look for an error
-- consequence: the finding says what for each: others read and write rows that were closed to them, the pages are not told of changes, or writes are refused
-- help-sql: {remedy}
-- dated: no
-- help-text: a person decides; if it was meant, tell chatops: {forget}
-- needs-table: chats
-- says: somebody did what they may not; the deploy is not right
-- if-absent: chatops.settings
-- only-if: safeguards_differ
-- shares: safeguards, expected_names
-- avoids: mergejoin
-- unplanted: the deployed system has no schema chatops that could remember
-- Kept by migrate, adopt, deploy and monitor --store, in chatops.settings. Of a table that is gone nothing is missed. Advice is what
-- an application changes in its own releases without harm, as far as that can be told. What files of ours made is DB003 and DB018.
\set safeguards `cat sql/checks/shared/safeguards.sql`
\set expected_names `cat sql/checks/shared/expected_names.sql`
with safeguards as materialized (:safeguards),
expected_names as materialized (:expected_names),
kept as materialized (
  select s.target_schema, s.set_at, k.key as label, k.value ->> 'table'::text as relation, k.value ->> 'sql'::text as statement,
         coalesce((k.value ->> 'lasting'::text)::boolean, true) as lasting, k.value -> 'is'::text as was,
         -- Told where files took it away: false where others who write the chats can still be given one.
         (k.value ->> 'alone'::text)::boolean as alone,
         pg_catalog.split_part(k.key, ' ', 1) as word, c.oid as table_oid, c.relowner
    from chatops.settings s
   cross join lateral pg_catalog.jsonb_each(case when pg_catalog.jsonb_typeof(s.value) = 'object' then s.value else '{}' end) as k
    join pg_namespace n on n.nspname = s.target_schema
    join pg_class c on c.relnamespace = n.oid and c.relname = k.value ->> 'table'::text
   where s.target_schema = current_schema()
     and s.key = 'safety'
), now_there as materialized (
  select g.label, pg_catalog.jsonb_strip_nulls(g."is") as "is", g.relation from safeguards g
), working as materialized (
  -- Roles that wrote chats or messages, or could call what does that: the application comes as these.
  select distinct k.was ->> 'role'::text as role
    from kept k
   where k.label ~ ' may (insert|update) (chats|messages)$'
      or exists (select from expected_names w where w.kind = 'function' and w.vital and w.name = pg_catalog.substring(k.label, ' may execute (\w+)\('))
), gone as (
  select k.*
    from kept k
   where not exists (select from now_there t where t.label = k.label)
     and k.word not in ('column', 'replica', 'function')
     -- It only has another name.
     and not (k.word in ('policy', 'constraint')
              and exists (select from now_there t
                           where t.relation = k.relation and t.label like k.word || ' %' and t."is" - 'name'::text = k.was - 'name'::text
                             and not exists (select from kept o where o.label = t.label)))
     and not (k.word = 'trigger'
              and exists (select from now_there t
                           where t.relation = k.relation and t.label like 'trigger %' and t."is" - 'definition'::text = k.was - 'definition'::text
                             and pg_catalog.regexp_replace(t."is" ->> 'definition'::text, 'TRIGGER \S+ ', '') = pg_catalog.regexp_replace(k.was ->> 'definition'::text, 'TRIGGER \S+ ', '')
                             and not exists (select from kept o where o.label = t.label)))
     and not exists (select from expected_names w
                      where w.kind || ' ' || w.name in ('trigger ' || k.relation || '.' || pg_catalog.substring(k.label, '^trigger (.*) of '),
                                                        'constraint ' || k.relation || '.' || (k.was ->> 'name'::text)))
), changed as (
  select k.*, t."is"
    from kept k
    join now_there t on t.label = k.label
   where k.was is not null
     and t."is" <> k.was
     and not exists (select from now_there o where o.label = k.label and o."is" = k.was)
     and not exists (select from expected_names w
                      where w.definition <> '{}'
                        and (w.kind || ' ' || w.name in (k.label, 'trigger ' || k.relation || '.' || pg_catalog.substring(k.label, '^trigger (.*) of '))
                             or (w.definition ? 'definition'::text and w.kind || ' ' || w.name = 'constraint ' || k.relation || '.' || (k.was ->> 'name'::text))))
), columns as (
  -- What became of a column, each difference by itself.
  select c.label as object, d.trouble, pg_catalog.format('alter table %I alter column %I ', c.relation, p.name) || d.step || ';' as remedy, d.advice, c.label, c.set_at, c.target_schema
    from changed c
   cross join lateral (select pg_catalog.substr(c.label, pg_catalog.length('column ' || c.relation || '.') + 1) as name) as p
    -- What our triggers write into each new row, whatever stands there.
    left join lateral (
      select f.by
        from (values ('messages', 'created_at', 'chatops_order_message'), ('chats', 'chat_state', 'chatops_guard_new_chat'),
                     ('chats', 'is_active', 'chatops_guard_new_chat'), ('chats', 'message_count', 'chatops_guard_new_chat')) as f (relation, name, by)
        join pg_trigger g on g.tgrelid = c.table_oid and g.tgname = f.by and g.tgenabled in ('O', 'A')
       where f.relation = c.relation and f.name = p.name) as filled on true
   cross join lateral (
     select 'is ' || (c."is" ->> 'type'::text) || ', it was ' || (c.was ->> 'type'::text) as trouble, null as step,
            not exists (select from expected_names w where w.kind = 'column' and w.name = c.relation || '.' || p.name)
            -- What a domain refuses is DB031.
            or exists (select from pg_attribute a join pg_type y on y.oid = a.atttypid and y.typtype = 'd'
                        where a.attrelid = c.table_oid and a.attname = p.name and pg_catalog.format_type(y.typbasetype, y.typtypmod) = c.was ->> 'type'::text)
            or (c.was ->> 'type'::text || ' to ' || (c."is" ->> 'type'::text)) ~ '^(smallint to (integer|bigint|numeric)|integer to (bigint|numeric)|(character|text).* to (text|character varying|citext)$|timestamp.* with time zone to timestamp.* with time zone)' as advice
      where c."is" ->> 'type'::text <> c.was ->> 'type'::text
     union all
     select case when c."is" ? 'default'::text then 'has another default' else 'has lost its default' || coalesce('; the trigger ' || filled.by || ' fills it in', '') end,
            'set default ' || (c.was ->> 'default'::text),
            -- The second row of one that is always the same is refused.
            not c."is" ? 'default'::text and filled.by is not null
            or c."is" ? 'default'::text
            and not (c."is" ->> 'default'::text !~ '[(]'
                     and exists (select from pg_index x join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
                                  where x.indrelid = c.table_oid and x.indisunique and x.indnkeyatts = 1 and a.attname = p.name))
      where c.was ? 'default'::text and c."is" ->> 'default'::text is distinct from c.was ->> 'default'::text
        and c."is" ->> 'made'::text = c.was ->> 'made'::text
     union all
     -- What is left out where a row begins stands for nothing: nobody holds the chat, the turn is not over.
     select 'has a default: ' || (c."is" ->> 'default'::text), 'drop default',
            p.name not in ('assigned_operator_id', 'last_operator_id', 'operator_replied_at', 'handled_by_operator_id', 'released_at', 'release_reason')
      where c."is" ? 'default'::text and not c.was ? 'default'::text and c."is" ->> 'made'::text = c.was ->> 'made'::text
     union all
     select 'may not be null any more, and has no default' || coalesce('; the trigger ' || filled.by || ' fills it in', ''), 'drop not null', filled.by is not null
      where (c."is" ->> 'not_null'::text)::boolean and not (c.was ->> 'not_null'::text)::boolean and not c."is" ? 'default'::text
        and c."is" ->> 'made'::text = ''
     union all
     select 'may be null now', 'set not null', true
      where not (c."is" ->> 'not_null'::text)::boolean and (c.was ->> 'not_null'::text)::boolean
     union all
     select 'is made by the server now', case when c."is" ->> 'made'::text in ('a', 'd') then 'drop identity' else 'drop expression' end, false
      where c."is" ->> 'made'::text <> c.was ->> 'made'::text and c.was ->> 'made'::text = ''
     union all
     select 'is not made by the server any more', null, true
      where c."is" ->> 'made'::text = '' and c.was ->> 'made'::text <> ''
   ) as d
   where c.word = 'column'
), found as materialized (
  select g.label as object, 'is gone' as trouble, coalesce(shuts.dropping, '') || g.statement as remedy, not g.lasting as advice, g.label, g.set_at, g.target_schema
    from gone g
    -- Security that is switched on again would let a policy shut people out that came while it was off.
   cross join lateral (
     select pg_catalog.string_agg(pg_catalog.format('drop policy %I on %I; ', p.polname, g.relation), '' order by p.polname) as dropping
       from pg_policy p
      where g.word = 'row' and p.polrelid = g.table_oid and not p.polpermissive
        and not exists (select from kept k where k.label = 'policy ' || p.polname::text || ' of ' || g.relation)) as shuts
   where g.word in ('row', 'policy', 'publication', 'foreign', 'constraint', 'trigger') or g.label like '% in publication %'
  union all
  -- Who is granted a table and gets past no policy sees nothing. That may be meant, where nobody wrote as that role.
  select 'row level security of ' || g.relation, 'is on, and no policy lets anybody in', g.statement,
         not exists (select from working w join pg_roles r on r.rolname = w.role
                      where not r.rolbypassrls and not r.rolsuper and not pg_catalog.pg_has_role(r.oid, g.relowner, 'member')
                        and (w.role not in ('anon', 'authenticated')
                             or exists (select from pg_policies p where p.schemaname = current_schema()))),
         g.label, g.set_at, g.target_schema
    from gone g
   where g.word = 'no' and not exists (select from pg_policy p where p.polrelid = g.table_oid and p.polpermissive)
  union all
  -- A unique index does what the key did.
  select g.label, 'is gone', g.statement, false, g.label, g.set_at, g.target_schema
    from gone g
   where g.word = 'key'
     and not exists (
       select from pg_index x
        where x.indrelid = g.table_oid and x.indisunique and x.indisvalid and x.indimmediate and x.indpred is null
          and pg_catalog.format('key %s (%s)', g.relation,
                (select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attname) from pg_attribute a
                  where a.attrelid = g.table_oid and a.attnum = any (x.indkey::smallint[]))) = g.label)
  union all
  select g.label, case when g.alone is null then 'is not so any more' else 'ended with 027, which takes it from everybody' end, g.statement,
         not exists (select from working w where w.role = g.was ->> 'role'::text and w.role <> 'anon'),
         g.label, g.set_at, g.target_schema
    from gone g
    -- A superuser is granted nothing, and may do all.
    join pg_roles r on r.rolname = g.was ->> 'role'::text and not r.rolsuper
   where g.label like '% may %'
     -- An owner is granted nothing, either.
     and not exists (select from pg_class o join pg_namespace n on n.oid = o.relnamespace and n.nspname = g.target_schema
                      where o.relname = pg_catalog.substring(g.label, ' may (?:select|insert|update|delete) (.*)$') and o.relowner = r.oid)
     -- Nor whoever still may by another way: as a member, as everybody, or as the owner of the schema.
     and not coalesce(case when g.label ~ ' may use schema '
                           then (select pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage') from pg_namespace n where n.nspname = pg_catalog.substring(g.label, ' may use schema (.*)$'))
                           when g.label ~ ' may (select|insert|update|delete) '
                           then (select pg_catalog.has_table_privilege(r.oid, o.oid, pg_catalog.substring(g.label, ' may (select|insert|update|delete) '))
                                   from pg_class o join pg_namespace n on n.oid = o.relnamespace and n.nspname = g.target_schema
                                  where o.relname = pg_catalog.substring(g.label, ' may (?:select|insert|update|delete) (.*)$')) end, false)
     -- Of a function that is gone, or has other parameters, nothing is missed.
     -- Nor of one that it may call as another role does, or everybody.
     and (g.label not like '% may execute %'
          or not pg_catalog.has_function_privilege(r.oid, pg_catalog.to_regprocedure(pg_catalog.split_part(g.label, ' may execute ', 2))::oid, 'execute'::text))
  union all
  select c.label, case when d.forced then 'is forced on its owner, too' else 'is not forced on its owner any more' end,
         pg_catalog.format('alter table %I %sforce row level security;', c.relation, case when d.forced then 'no ' else '' end),
         not d.forced, c.label, c.set_at, c.target_schema
    from changed c
    join pg_roles o on o.oid = c.relowner
   cross join lateral (select (c."is" ->> 'forced'::text)::boolean as forced) as d
   where c.word = 'row' and not (d.forced and (o.rolsuper or o.rolbypassrls))
  union all
  select c.label, 'differs from what it was',
         pg_catalog.format('drop policy %I on %I; %s', pg_catalog.substring(c.label, '^policy (.*) of '), c.relation, c.statement),
         not (('true' in (coalesce(c."is" ->> 'using'::text, ''), coalesce(c."is" ->> 'check'::text, '')) and 'true' not in (coalesce(c.was ->> 'using'::text, ''), coalesce(c.was ->> 'check'::text, '')))
              or ('false' in (coalesce(c."is" ->> 'using'::text, ''), coalesce(c."is" ->> 'check'::text, '')) and 'false' not in (coalesce(c.was ->> 'using'::text, ''), coalesce(c.was ->> 'check'::text, '')))
              or c."is" -> 'permissive'::text <> c.was -> 'permissive'::text or c."is" -> 'cmd'::text <> c.was -> 'cmd'::text
              or (c."is" -> 'roles'::text ? 'public'::text and not c.was -> 'roles'::text ? 'public'::text)
              or (c."is" -> 'roles'::text ? 'anon'::text and not c.was -> 'roles'::text ?| array['anon', 'public'])
              or (c.was -> 'roles'::text ? 'public'::text and not c."is" -> 'roles'::text ?| array['authenticated', 'public'])), c.label, c.set_at, c.target_schema
    from changed c
   where c.word = 'policy'
  union all
  select c.label, 'publishes less than it did',
         pg_catalog.format('alter publication %I set (publish = %L);', pg_catalog.substr(c.label, 13), c.was ->> 'publishes'::text), false, c.label, c.set_at, c.target_schema
    from changed c
   where c.word = 'publication'
     and exists (select from pg_catalog.string_to_table(c.was ->> 'publishes'::text, ', ') as one
                  where one <> all (pg_catalog.string_to_array(c."is" ->> 'publishes'::text, ', ')))
  union all
  select c.label, 'publishes less than it did',
         pg_catalog.format('alter publication %I drop table %I; %s', pg_catalog.substring(c.label, ' in publication (.*)$'), c.relation, c.statement), false, c.label, c.set_at, c.target_schema
    from changed c
   where c.label like '% in publication %'
     and ((c."is" ? 'rows'::text and c."is" ->> 'rows'::text is distinct from c.was ->> 'rows'::text)
          or exists (select from pg_catalog.jsonb_array_elements_text(c.was -> 'columns'::text) as one
                       join pg_attribute a on a.attrelid = c.table_oid and a.attname = one and not a.attisdropped
                      where not c."is" -> 'columns'::text ? one))
  union all
  select c.label, 'is ' || case c."is" ->> 'kind'::text when 'n' then 'nothing' when 'f' then 'full' when 'd' then 'the key' else 'an index' end || ' now',
         c.statement, true, c.label, c.set_at, c.target_schema
    from changed c
   where c.word = 'replica'
  union all
  select c.label, 'differs from what it was: ' || (c."is" ->> 'definition'::text),
         pg_catalog.format('alter table %I drop constraint %I; %s', c.relation, c."is" ->> 'name'::text, c.statement),
         -- When it is checked is no matter, as long as it is.
         c.word = 'constraint' or pg_catalog.regexp_replace(c."is" ->> 'definition'::text, '( NOT)? DEFERRABLE( INITIALLY (DEFERRED|IMMEDIATE))?', '')
                                  = pg_catalog.regexp_replace(c.was ->> 'definition'::text, '( NOT)? DEFERRABLE( INITIALLY (DEFERRED|IMMEDIATE))?', ''), c.label, c.set_at, c.target_schema
    from changed c
   where c.word in ('foreign', 'constraint') and c."is" ->> 'definition'::text <> c.was ->> 'definition'::text
  union all
  -- Not where the whole role is gone: then it is another server.
  select g.label, 'is not so any more', g.statement, false, g.label, g.set_at, g.target_schema
    from gone g
   -- Where no table has policies any more, or grants, nothing is missed of a role that is as it was.
   where g.word = 'role'
     and exists (select from pg_roles r
                  where r.rolname = pg_catalog.split_part(g.label, ' ', 2)
                    and case when g.label like '% bypasses row level security' then not r.rolbypassrls
                             else not exists (select from pg_auth_members m
                                                join pg_roles o on o.oid = m.roleid and o.rolname = pg_catalog.split_part(g.label, ' is a member of ', 2)
                                               where m.member = r.oid) end)
     and (g.label not like '% is a member of %' or exists (select from pg_roles r where r.rolname = pg_catalog.substring(g.label, ' is a member of (.*)$')))
  union all
  -- On conflict looks at no key that is checked at the end.
  select c.label, 'is checked later than the row is written: on conflict is refused',
         pg_catalog.format('alter table %I drop constraint %I; %s', c.relation, c."is" ->> 'name'::text, c.statement), false, c.label, c.set_at, c.target_schema
    from changed c
   where c.word = 'key' and c."is" ->> 'definition'::text like '% DEFERRABLE%' and c.was ->> 'definition'::text not like '% DEFERRABLE%'
  union all
  select c.label, case when c."is" -> 'definition'::text = c.was -> 'definition'::text then 'does something else than it did' else 'fires in another way than it did' end,
         case when c."is" -> 'definition'::text <> c.was -> 'definition'::text
              then pg_catalog.format('drop trigger %I on %I; %s', pg_catalog.substring(c.label, '^trigger (.*) of '), c.relation, c.statement) end,
         not coalesce((c.was ->> 'definer'::text)::boolean and not (c."is" ->> 'definer'::text)::boolean and c.lasting, false), c.label, c.set_at, c.target_schema
    from changed c
   where c.word = 'trigger'
  union all
  -- One that says yes to everybody, or sees no more than its caller does, opens or closes all that its policies guard.
  select c.label, 'does something else than it did', null,
         not (c.was -> 'definer'::text <> c."is" -> 'definer'::text
              or exists (select from pg_proc p where 'function ' || p.oid::regprocedure::text || ' of policies' = c.label
                            and pg_catalog.regexp_replace(p.prosrc, '--[^\n]*', '', 'g') ~* '\d\s*/\s*0(\.0*)?(?![\w.])|^\s*(begin\s+return\s+|select\s+)\(?(true|false|null(::\w+)?|''[^'']*''(::\w+)?)\)?\s*;?\s*(end\s*;?)?\s*$')),
         c.label, c.set_at, c.target_schema
    from changed c
   where c.word = 'function'
  union all
  select c.label, 'holds for fewer columns than it did', c.statement,
         not exists (select from working w where w.role = c.was ->> 'role'::text and w.role <> 'anon'), c.label, c.set_at, c.target_schema
    from changed c
   where c.label like '% may %' and c.label not like '% may use schema %'
     and c."is" ? 'columns'::text
     and (not c.was ? 'columns'::text
          or exists (select from pg_catalog.jsonb_array_elements_text(c.was -> 'columns'::text) as one
                       join pg_attribute a on a.attrelid = c.table_oid and a.attname = one and not a.attisdropped
                      where not c."is" -> 'columns'::text ? one))
  union all
  select * from columns
  union all
  select 'what chatops keeps of the tables', 'cannot be read: it is ' || pg_catalog.jsonb_typeof(s.value) || ', no object',
         'delete from chatops.settings where key = ''safety'' and pg_catalog.jsonb_typeof(value) <> ''object'';', false, null, s.set_at, s.target_schema
    from chatops.settings s
   where s.target_schema = current_schema() and s.key = 'safety' and pg_catalog.jsonb_typeof(s.value) <> 'object'
  union all
  select 'policy ' || p.policyname::text || ' of ' || p.tablename::text, 'is restrictive and new: it hides rows that were seen',
         pg_catalog.format('drop policy %I on %I;', p.policyname, p.tablename), true,
         'policy ' || p.policyname::text || ' of ' || p.tablename::text, s.set_at, s.target_schema
    from pg_policies p
    join (select k.target_schema, pg_catalog.max(k.set_at) as set_at from kept k where k.was is not null group by k.target_schema) as s
      on s.target_schema = p.schemaname
   where p.permissive = 'RESTRICTIVE'
     and not exists (select from kept k where k.label = 'policy ' || p.policyname::text || ' of ' || p.tablename::text)
  union all
  -- What came since may do anything: somebody should have looked at it.
  select n.label, 'is new: look at what it does', null, true, n.label, s.set_at, s.target_schema
    from now_there n
    join (select k.target_schema, k.relation, pg_catalog.max(k.set_at) as set_at from kept k where k.word = 'column' group by k.target_schema, k.relation) as s
      on s.relation = n.relation
   cross join lateral (select pg_catalog.split_part(n.label, ' ', 1) as word) as w
   -- Where nothing is kept nothing is looked at: the catalog waits for who has locked a table.
   where (select pg_catalog.count(*) from kept) > 0
     and w.word in ('trigger', 'foreign', 'constraint', 'key')
     and n.relation in ('chats', 'messages', 'chat_assignments', 'operator_activity', 'operators')
     -- Of two keys over the same columns one is new; or it is an old one of another name, or otherwise, which is told above.
     and not exists (select from kept k
                      where k.label = n.label
                        and (k.was = n."is" or not exists (select from now_there o where o.label = n.label and o."is" = k.was)))
     and not exists (select from kept k
                      where k.relation = n.relation and k.word = w.word
                        and pg_catalog.regexp_replace((k.was - 'name'::text)::text, 'TRIGGER \S+ ', '') = pg_catalog.regexp_replace((n."is" - 'name'::text)::text, 'TRIGGER \S+ ', '')
                        and not exists (select from now_there o where o.label = k.label))
     and not exists (select from expected_names e
                      where e.kind || ' ' || e.name in ('trigger ' || n.relation || '.' || pg_catalog.substring(n.label, '^trigger (.*) of '),
                                                        'constraint ' || n.relation || '.' || (n."is" ->> 'name'::text)))
  union all
  select 'role ' || g.role, 'is not there any more, as whom chats or messages were written', null, true, 'role ' || g.role, g.set_at, g.target_schema
    from (select case when k.word = 'role' then pg_catalog.split_part(k.label, ' ', 2) else k.was ->> 'role'::text end as role, k.target_schema, pg_catalog.max(k.set_at) as set_at
            from kept k
           where k.word = 'role' or k.label ~ ' may (insert|update) (chats|messages)$' group by 1, 2) as g
   where g.role <> 'public' and not exists (select from pg_roles r where r.rolname = g.role)
), judged as (
  select f.*,
         not f.advice
         and (f.label ~ ' may ((select|insert|update) (chats|messages)|use schema .*)$|^role (authenticator is a member of (authenticated|service_role)|service_role bypasses row level security)$'
              or f.label ~ '^function .* of policies$'
              -- What policies and defaults call, and what chats are assigned, answered and given back by.
              or (f.label like '% may execute %' and coalesce(k.alone, true)
                  and coalesce((select pg_catalog.bool_or(w.vital) from expected_names w
                                 where w.kind = 'function' and w.name = pg_catalog.substring(f.label, ' may execute (\w+)\(')), true))
              or (f.label ~ '^(policy .*|row level security) of (chats|messages)$'
                  and (f.trouble like '% no policy lets anybody in'
                       or (f.trouble = 'is gone' and (k.was ->> 'permissive'::text)::boolean)
                       or (f.trouble = 'differs from what it was'
                           and exists (select from pg_policies p
                                        where p.schemaname = f.target_schema and f.label = 'policy ' || p.policyname::text || ' of ' || p.tablename::text
                                          and (p.permissive = 'RESTRICTIVE' or 'false' in (p.qual, p.with_check)
                                               or p.cmd <> k.was ->> 'cmd'::text
                                               or not p.roles operator(pg_catalog.&&) array['public', 'authenticated']::name[])))))
              or (f.label ~ '^column (chats|messages|chat_assignments|operator_activity)\.'
                  and (f.trouble like 'has a default: %' or f.trouble like 'may not be null %' or f.trouble like 'is made by the server %'
                       or (f.trouble like 'has % default'
                           and exists (select from pg_attribute a
                                        where a.attrelid = k.table_oid and a.attnotnull
                                          and f.label = 'column ' || k.relation || '.' || a.attname::text))))) as critical
    from found f
    left join kept k on k.label = f.label
), told as (
  -- What one role may not call any more is told together.
  select coalesce(x.role, f.object) as object,
         case when x.role is null then f.trouble
              else 'may not execute ' || pg_catalog.string_agg(distinct x.name, ', ' order by x.name) || ' any more' end as trouble,
         x.role || ' gets "permission denied for function"' || coalesce(': ' || pg_catalog.string_agg(distinct x.stops, ', '), '') as so,
         pg_catalog.min(x.stops) as stops, f.set_at, f.target_schema, coalesce(f.critical, false) as critical, f.advice,
         pg_catalog.bool_and(f.label like 'publication %') as publishes
    from judged f
   cross join lateral (
     select c.role, c.name, case c.name when 'assign_chat_to_operator' then 'nobody can be given a chat' when 'operator_reply' then 'no operator can reply'
                                        when 'user_message' then 'messages do not reach the queue' when 'release_chat' then 'no chat can be given back'
                                        when 'release_and_reassign_chat' then 'no chat can be given back' when 'release_idle_chats' then 'no chat can be given back' end as stops
       from (select pg_catalog.substring(f.label, '^(.*) may execute ') as role,
                    pg_catalog.substring(f.label, ' may execute (.*)\(') as name) as c) as x
   group by x.role, coalesce(x.role, f.object), f.trouble, f.set_at, f.target_schema, coalesce(f.critical, false), f.advice
)
select f.object,
       f.trouble || case when f.trouble = 'is gone' and own.body ~* '^\s*begin\s+return (null|new|old);\s+end;?\s*$' then ', and nothing is lost by it, for its function does nothing any more' else '' end as trouble,
       w.because, coalesce(f.so, w.so) as so,
       case when f.critical then f.stops end as stops, s.remedy, f.set_at as last_stored_at,
       pg_catalog.format('update chatops.settings set value = value - %L::text[] where target_schema = %L and key = ''safety'';', s.labels, f.target_schema) as forget,
       f.critical, f.advice
  from told f
  -- Of what is shown as wrong; statements about advice stand where there is nothing else.
  join (select advice, pg_catalog.string_agg(remedy, ' ' order by label not like 'publication %', label) as remedy,
               pg_catalog.array_agg(distinct label)::text as labels
          from found group by advice) as s on s.advice = f.advice
 cross join lateral (
   select pg_catalog.split_part(f.object, ' ', 1) as word, pg_catalog.substring(f.object, '^(.*) may ') as role,
          pg_catalog.substring(f.object, ' may (select|insert|update|delete) ') as verb, pg_catalog.substring(f.object, ' may \w+ (.*)$') as whereof
 ) as o
  left join lateral (
    -- What a trigger that is gone called, where that is still there.
    select p.prosrc as body
      from kept k
      join pg_proc p on p.prorettype = 'trigger'::regtype::oid and p.proname = pg_catalog.substring(k.was ->> 'definition'::text, 'EXECUTE FUNCTION (?:"?\w+"?\.)?"?(\w+)"?\(')
     where o.word = 'trigger' and k.label = f.object
     limit 1) as own on true
 cross join lateral (
   -- What one of these does to people, and where it comes from: of another it would not be true.
   select case when f.trouble like 'is new%' then 'somebody, or a release of the application, made it since chatops last looked'
               when f.trouble ~ '^is (on|forced|restrictive)\M' then 'somebody, or a tool of the host, closed the table since chatops last looked'
               when f.trouble like 'is not there any more%' then 'somebody dropped the role, or the database came to a server that does not have it'
               when f.trouble like 'ended with 027%' then 'migration 027 took it from everybody, and this role called it as everybody does'
               when f.trouble like 'may not execute%' or f.object like '% may %' then 'somebody revoked it, or a restore left the rights out'
               when f.trouble like 'cannot be read%' then 'somebody wrote over it'
               when f.trouble = 'is gone' then 'a restore left it out, or somebody took it away to look for an error'
               else 'somebody, or a release of the application, changed it since chatops last looked' end as because,
          case when f.trouble like 'is new%' then 'it may change, refuse or drop what is written: nobody has looked at it'
               when f.trouble ~ '^is (on|forced|restrictive)\M' then 'rows that were seen are hidden from those who work with them, and their writes are refused'
               when f.trouble like 'cannot be read%' then 'nothing that goes from the tables is missed any more'
               when f.trouble like 'is not there any more%' then 'whoever came as this role cannot log in: what it wrote is not written'
               when o.word = 'row' then case when f.trouble = 'is gone' then 'whoever was granted something on the table reads and writes all of its rows, whosever they are'
                                             else 'its owner, and functions that run as its owner, get past its policies' end
               when o.word = 'policy' then case when f.trouble = 'is gone' then 'it lets in nobody whom it let in, and keeps out nobody whom it kept out'
                                                else 'other rows are seen and written than it meant' end
               when f.object like '%publication %' then 'pages that listen are not told of changes: they show what was, until they are loaded again'
               when f.object like '% bypasses row level security' then 'the role sees and writes only the rows that policies let it'
               when f.object like '% is a member of %' then 'whoever logs in as the one cannot work as the other: requests are refused'
               when f.object like '% may use schema %' then o.role || ' is refused everything there: permission denied for schema'
               when f.object like '% may execute %' then o.role || ' gets "permission denied for function"'
               when f.trouble = 'holds for fewer columns than it did' then o.role || ' is refused what it ' || case o.verb when 'select' then 'reads' else 'writes' end || ' of the other columns: permission denied'
               when o.verb is not null then o.role || ' gets "permission denied for table ' || o.whereof || '": what it ' || case o.verb when 'select' then 'read' when 'delete' then 'deleted' else 'wrote' end || ' there is refused, and only the logs of application and server have it'
               when f.trouble like 'is checked later %' then 'an insert with "on conflict" on these columns is refused (55000)'
               when o.word = 'key' then 'a second row with the same values gets in, and an insert with "on conflict" on these columns is refused (42P10)'
               when o.word = 'foreign' then case when f.trouble = 'is gone' then 'rows may refer to what is not there, and nothing goes with what is deleted' else 'what refers to rows is checked, or goes with them, in another way' end
               when o.word = 'constraint' then case when f.trouble = 'is gone' then 'rows that it refused get in' else 'other rows are refused than were' end
               when o.word = 'trigger' then case when f.trouble = 'is gone' and own.body ~* '\m(message_count|last_message_at)\M' then 'message counts of chats, and when the last message came, are not kept by it any more: DATA001 and DATA007 tell what came of it'
                                             when f.trouble = 'is gone' and own.body ~* '\mtotal_messages\M' then 'the counts of operators stand still'
                                             when f.trouble = 'is gone' and own.body ~* '\mupdated_at\M' then 'updated_at stands still, and lists that go by it'
                                             when f.trouble = 'is gone' then 'what it did at each write is not done any more' else 'what it does at each write is another thing' end
               when o.word = 'function' then 'the policies that ask it let in, or shut out, others than they did'
               when o.word = 'replica' then 'who reads changes is told less of the old row, or more'
               when o.word = 'column' then case when f.trouble like '% fills it in' then 'nothing for rows that this trigger sees; where it is passed over (a restore, an import) they are without it, or refused'
                                                when f.trouble like 'has lost its default' then 'rows that leave it out get nothing there, or are refused'
                                                when f.trouble like 'has a default:%' or f.trouble = 'has another default' then 'rows that leave it out begin with another value'
                                                when f.trouble like 'may not be null%' then 'rows that leave it out are refused'
                                                when f.trouble = 'may be null now' then 'rows without it get in'
                                                when f.trouble = 'is made by the server now' then 'writes that give it a value are refused'
                                                when f.trouble like 'is not made by %' then 'rows that leave it out get nothing there'
                                                else 'what does not fit the new type is refused' end
          end as so
 ) as w
 order by f.critical desc, f.advice, not f.publishes, f.object, f.trouble
