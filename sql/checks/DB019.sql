-- What do others have on the chat tables, or among our names, that changes what our objects do?
-- code: DB019
-- title: {count} foreign objects change what the chat tables and functions do
-- title-one: the foreign {kind} {object} {trouble}
-- severity: warning
-- group: schema
-- expected: no rule rewrites writes of the chat tables, no trigger drops rows, each function of ours is the only one of its name
-- why: somebody tried something out, or another tool brought objects of the same name
-- consequence: messages vanish without an error, or calls by name fail as ambiguous
-- help-text: look at it, and at who made it: {statement} takes it away
-- needs-table: chats
-- says: a message was lost · the deploy is not right
-- shares: structure
-- A trigger that drops rows only sometimes is advice, and so is what nobody knows in schema chatops.
with structure as materialized (
select found.kind, found.name, found.of,
       (select coalesce(pg_catalog.jsonb_object_agg(p.key, coalesce(p.value, '')), '{}') from pg_catalog.jsonb_each_text(found.definition) as p) as definition
  from (
    with spaces as materialized (
      select n.oid, case when n.nspname = current_schema() then '' else n.nspname || '.' end as prefix
        from pg_namespace n
       where n.nspname in (current_schema(), 'chatops')
    ), relations as materialized (
      select c.oid, c.relkind, s.prefix || c.relname as name, c.reloptions
        from pg_class c
        join spaces s on s.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')
    )
    select 'table' as kind, r.name, null::text as of, '{}'::jsonb as definition from relations r where r.relkind in ('r', 'p', 'f')
    union all
    select 'view', r.name, null,
           pg_catalog.jsonb_build_object('query', pg_catalog.pg_get_viewdef(r.oid), 'options', pg_catalog.array_to_string(r.reloptions, ', '))
      from relations r
     where r.relkind in ('v', 'm')
    union all
    select 'sequence', r.name, null,
           pg_catalog.jsonb_build_object('increment', q.seqincrement::text, 'minimum', q.seqmin::text, 'maximum', q.seqmax::text,
                              'cycles', q.seqcycle::text)
      from relations r
      join pg_sequence q on q.seqrelid = r.oid
    union all
    select 'column', r.name || '.' || a.attname, r.name,
           pg_catalog.jsonb_build_object('type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull::text,
                              'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated::text,
                              'identity', a.attidentity::text)
      from relations r
      join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where r.relkind in ('r', 'p', 'f')
    union all
    select 'constraint', r.name || '.' || k.conname, r.name,
           pg_catalog.jsonb_build_object('definition', pg_catalog.replace(pg_catalog.pg_get_constraintdef(k.oid, true), ' NOT VALID', ''),
                              'columns', (select pg_catalog.string_agg(a.attname, ', ' order by a.attname)
                                            from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey)))
      from relations r
      join pg_constraint k on k.conrelid = r.oid and k.contype not in ('n', 't')
    union all
    select 'index', s.prefix || c.relname, r.name,
           pg_catalog.jsonb_build_object('definition', pg_catalog.replace(pg_catalog.pg_get_indexdef(x.indexrelid, 0, true), ' ON ONLY ', ' ON '),
                              'columns', (select pg_catalog.string_agg(pg_catalog.pg_get_indexdef(x.indexrelid, n, true), ', ' order by n)
                                            from pg_catalog.generate_series(1, x.indnkeyatts) as n),
                              'serves', (coalesce(pg_catalog.pg_get_expr(x.indpred, x.indrelid), '') <> 'false')::text)
      from relations r
      join pg_index x on x.indrelid = r.oid
      join pg_class c on c.oid = x.indexrelid
      join spaces s on s.oid = c.relnamespace
     where not exists (select from pg_constraint k where k.conindid = x.indexrelid and k.conrelid = x.indrelid)
    union all
    select 'trigger', r.name || '.' || t.tgname, r.name,
           pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_triggerdef(t.oid, true),
                              'enabled', case when t.tgenabled = 'A' then 'always' else 'ordinary' end)
      from relations r
      join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
    union all
    select 'rule', r.name || '.' || w.rulename, r.name, pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_ruledef(w.oid, true))
      from relations r
      join pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN'
    union all
    select 'function', s.prefix || p.proname, null,
           pg_catalog.jsonb_build_object('arguments', pg_catalog.pg_get_function_arguments(p.oid), 'returns', pg_catalog.pg_get_function_result(p.oid),
                              'language', l.lanname, 'volatile', p.provolatile::text, 'strict', p.proisstrict::text,
                              'security', case when p.prosecdef then 'definer' else 'invoker' end,
                              'body', coalesce(pg_catalog.replace(p.prosrc, E'\r\n', E'\n'), pg_catalog.pg_get_function_sqlbody(p.oid)),
                              'settings', (select pg_catalog.string_agg(
                                             case when pg_catalog.starts_with(one || ',', 'search_path=' || pg_catalog.quote_ident(current_schema()) || ',')
                                                  then 'search_path=(its own schema)'
                                                       || pg_catalog.substr(one, pg_catalog.length('search_path=' || pg_catalog.quote_ident(current_schema())) + 1)
                                                  else one end, '; ' order by one)
                                             from pg_catalog.unnest(p.proconfig) as one))
      from pg_proc p
      join spaces s on s.oid = p.pronamespace
      join pg_language l on l.oid = p.prolang
     where p.prokind in ('f', 'p')
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    union all
    select 'schema', n.nspname, null, '{}' from pg_namespace n where n.nspname = 'chatops'
  ) as found
),
wanted as materialized (
  select w.kind, w.name, w.state, w.definition
    from pg_catalog.jsonb_to_recordset(:'expected'::jsonb) as w (kind text, name text, state text, definition jsonb)
), ours (name) as (
  values ('operators'), ('real_users'), ('fictional_users'), ('chats'), ('messages'), ('chat_assignments'), ('operator_activity'),
         ('platform_config')
), functions as materialized (
  select f.name, s.definition ->> 'arguments'::text as arguments,
         coalesce(pg_catalog.bool_or(f.definition -> 'arguments'::text ? (s.definition ->> 'arguments'::text)), false) as is_ours,
         pg_catalog.count(*) over (partition by f.name) as of_that_name,
         row_number() over (partition by f.name order by s.definition ->> 'arguments'::text) as place
    from wanted f
    join structure s on s.kind = 'function' and s.name = f.name
   where f.kind = 'function'
   group by f.name, s.definition
)
select found.kind, found.object, found.trouble, found.statement, found.advice
  from (
    select 'rule' as kind, r.name as object, 'rewrites what is written into ' || r.of as trouble,
           pg_catalog.format('drop rule %s on %s', pg_catalog.quote_ident(pg_catalog.split_part(r.name, '.', 2)), pg_catalog.quote_ident(r.of)) as statement, false as advice
      from structure r
      join ours o on o.name = r.of
     where r.kind = 'rule'
    union all
    select 'trigger', c.relname || '.' || t.tgname, 'drops rows of ' || c.relname,
           pg_catalog.format('drop trigger %I on %I', t.tgname, c.relname), p.prosrc ~* '\mreturn\s+(new|old)\M'
      from pg_trigger t
      join pg_class c on c.oid = t.tgrelid
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
      join ours o on o.name = c.relname
      join pg_proc p on p.oid = t.tgfoid
     where not t.tgisinternal
       and t.tgenabled <> 'D'
       -- For each row, before it is written.
       and t.tgtype & 3 = 3
       and p.prosrc ~* '\mreturn\s+null\M'
       and not exists (select from wanted w where w.kind = 'trigger' and w.name = c.relname || '.' || t.tgname)
    union all
    select 'function', f.name || '(' || f.arguments || ')', 'has the name of ours',
           pg_catalog.format('drop function %I(%s)', f.name, f.arguments), false
      from functions f
     where f.of_that_name > 1
       and case when (select pg_catalog.bool_or(g.is_ours) from functions g where g.name = f.name) then not f.is_ours else f.place > 1 end
    union all
    select s.kind, s.name, 'is nobody''s that chatops knows', 'drop ' || s.kind || ' ' || s.name, true
      from structure s
     where s.name like 'chatops.%'
       and s.kind in ('table', 'view', 'function', 'sequence')
       and not exists (select from wanted w where w.kind = s.kind and w.name = s.name)
       and s.kind || ' ' || s.name <> all (:'known'::text[])
  ) as found
 order by found.advice, found.kind, found.object
