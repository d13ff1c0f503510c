-- What the schema of the chats and the schema chatops are made of, one row for each object, its properties as text.
--
-- `of` is the table of what belongs to one. What stands in schema chatops bears that name in front. Left out is what checks of
-- their own ask: whether a trigger fires, an index is valid, a constraint was validated. Names are told as the path shows them.
-- Found by what depends on the schemas: the server's catalogs have no index by schema, and are long where there are many.
select found.kind, found.name, found.of,
       -- What may be null is mostly told as nothing where it is read: to look through all of them is a fifth of this.
       case when found.definition @? '$.* ? (@ == null)'::jsonpath
            then (select pg_catalog.jsonb_object_agg(p.key, coalesce(p.value, '')) from pg_catalog.jsonb_each_text(found.definition) as p)
            else found.definition end as definition
  from (
    with spaces as materialized (
      select n.oid, case when n.nspname = current_schema() then '' else n.nspname::text || '.' end as prefix
        from pg_namespace n
       where n.nspname in (current_schema(), 'chatops')
    ), relations as materialized (
      select c.oid, c.relkind, s.prefix || c.relname::text as name, c.reloptions
        from spaces s
        join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = s.oid and d.classid = 'pg_class'::regclass::oid
        join pg_class c on c.oid = d.objid
       where c.relkind in ('r', 'p', 'f', 'v', 'S')
    )
    select 'table' as kind, r.name, null::text as of, '{}'::jsonb as definition from relations r where r.relkind in ('r', 'p', 'f')
    union all
    select 'view', r.name, null,
           pg_catalog.jsonb_build_object('query', pg_catalog.pg_get_viewdef(r.oid), 'options', coalesce((select pg_catalog.string_agg(one, ', ' order by one) from pg_catalog.unnest(r.reloptions) as one
                                                                                                  where one not like 'security_barrier=%'), ''))
      from relations r
     -- A materialized one shows what was.
     where r.relkind = 'v'
    union all
    select 'sequence', r.name, null,
           pg_catalog.jsonb_build_object('increment', q.seqincrement::text, 'minimum', q.seqmin::text, 'maximum', q.seqmax::text,
                              'cycles', q.seqcycle::text, 'cache', q.seqcache::text)
      from relations r
      join pg_sequence q on q.seqrelid = r.oid
    union all
    select 'column', r.name || '.' || a.attname::text, r.name,
           pg_catalog.jsonb_build_object('type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull::text,
                              'default', coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ''), 'generated', a.attgenerated::text,
                              'identity', a.attidentity::text)
      from relations r
      join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where r.relkind in ('r', 'p', 'f')
    union all
    select 'constraint', r.name || '.' || k.conname::text, r.name,
           -- A key of a partitioned table has to name what it is parted by, too: that is no difference.
           pg_catalog.jsonb_build_object('definition', case when parted.key is null
                                                            then pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid, true),
                                                                    case when k.contype in ('p', 'u') then ' WITH \([^)]*\)' else ' NOT (VALID|ENFORCED)$' end, '')
                                                            else case k.contype when 'p' then 'PRIMARY KEY (' else 'UNIQUE (' end || named.in_order || ')' end,
                              'columns', named.by_name)
      from relations r
      join pg_constraint k on k.conrelid = r.oid and k.contype not in ('n', 't')
      left join lateral (
        select x.partattrs::smallint[] as key from pg_partitioned_table x
         where x.partrelid = r.oid and k.contype in ('p', 'u') and x.partnatts < pg_catalog.cardinality(k.conkey)
      ) as parted on true
     cross join lateral (
       select pg_catalog.string_agg(a.attname, ', ' order by a.attname) as by_name,
              pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by u.place) as in_order
         from pg_catalog.unnest(k.conkey) with ordinality as u (number, place)
         join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.number
        where parted.key is null or a.attnum <> all (parted.key)
     ) as named
    union all
    select 'index', s.prefix || c.relname::text, r.name,
           pg_catalog.jsonb_build_object('definition', pg_catalog.regexp_replace(
                                              pg_catalog.replace(pg_catalog.pg_get_indexdef(x.indexrelid, 0, true), ' ON ONLY ', ' ON '), ' WITH \([a-z_]+=[^)]*\)', ''),
                              'columns', (select pg_catalog.string_agg(pg_catalog.pg_get_indexdef(x.indexrelid, n, true), ', ' order by n)
                                            from pg_catalog.generate_series(1, x.indnkeyatts) as n),
                              'serves', (coalesce(pg_catalog.pg_get_expr(x.indpred, x.indrelid), '') <> 'false')::text)
      from relations r
      join pg_index x on x.indrelid = r.oid
      join pg_class c on c.oid = x.indexrelid
      join spaces s on s.oid = c.relnamespace
     where not exists (select from pg_constraint k where k.conindid = x.indexrelid and k.conrelid = x.indrelid)
    union all
    select 'trigger', r.name || '.' || t.tgname::text, r.name,
           pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_triggerdef(t.oid, true),
                              'enabled', case when t.tgenabled = 'A' then 'always' else 'ordinary' end)
      from relations r
      join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
    union all
    select 'rule', r.name || '.' || w.rulename::text, r.name, pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_ruledef(w.oid, true))
      from relations r
      join pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN'
    union all
    select 'function', s.prefix || p.proname::text, null,
           pg_catalog.jsonb_build_object('arguments', pg_catalog.pg_get_function_arguments(p.oid), 'returns', pg_catalog.pg_get_function_result(p.oid),
                              'language', l.lanname, 'volatile', p.provolatile::text, 'strict', p.proisstrict::text,
                              'parallel', p.proparallel::text, 'leakproof', p.proleakproof::text,
                              'cost', p.procost::text, 'rows', p.prorows::text,
                              'security', case when p.prosecdef then 'definer' else 'invoker' end,
                              'body', coalesce(pg_catalog.replace(p.prosrc, E'\r\n', E'\n'), pg_catalog.pg_get_function_sqlbody(p.oid)),
                              'settings', coalesce((select pg_catalog.string_agg(
                                             case when pg_catalog.starts_with(one || ',', 'search_path=' || pg_catalog.quote_ident(current_schema()) || ',')
                                                  then 'search_path=(its own schema)'
                                                       || pg_catalog.substr(one, pg_catalog.length('search_path=' || pg_catalog.quote_ident(current_schema())) + 1)
                                                  -- Made while all names were quoted.
                                                  when pg_catalog.starts_with(one || ',', 'search_path="' || pg_catalog.replace(current_schema()::text, '"', '""') || '",')
                                                  then 'search_path=(its own schema)'
                                                       || pg_catalog.replace(pg_catalog.substr(one, pg_catalog.length('search_path=""' || pg_catalog.replace(current_schema()::text, '"', '""')) + 1), '"pg_temp"', 'pg_temp')
                                                  else one end, '; ' order by one)
                                             from pg_catalog.unnest(p.proconfig) as one
                                            where one not like 'citus.%'), ''))
      from spaces s
      join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = s.oid and d.classid = 'pg_proc'::regclass::oid
      join pg_proc p on p.oid = d.objid
      join pg_language l on l.oid = p.prolang
     where p.prokind in ('f', 'p')
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass::oid and d.objid = p.oid and d.deptype = 'e')
    union all
    select 'schema', n.nspname, null, '{}' from pg_namespace n where n.nspname = 'chatops'
  ) as found
