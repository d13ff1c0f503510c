-- Which functions of adopted files do something else than the file's, or than they did when they were taken over?
-- code: DB034
-- title: {count} functions of adopted files are not as the files have them
-- title-one: the function {object} is not as {migration} has it: {trouble}
-- narrow: {count} functions are not as files have them
-- narrow-one: 1 function is not as its file has it
-- severity: warning
-- critical: chats are assigned or given back by it, and it writes nothing any more
-- advice: it was so already when the file was adopted
-- group: schema
-- expected: the functions of adopted files are as their file has them, or as they were taken over
-- why: somebody replaced it by hand, or a release of the application did
-- consequence: it may do something else than the file promises; verify --scenarios tries it
-- help: {mend}
-- help-sql: {remedy}
-- help-text: {forget}
-- needs-table: chats
-- says: the deploy is not right; operator loses the chat
-- if-absent: chatops.settings
-- shares: expected_names
-- avoids: mergejoin
-- unplanted: the deployed system has no schema chatops that could remember
-- What was adopted with another text than the file's is advice: it was so already. What was replaced since is not. Of the application's own
-- functions only a trigger's that is emptied is told.
\set expected_names `cat sql/checks/shared/expected_names.sql`
with expected_names as materialized (:expected_names),
present as materialized (
  select p.oid, p.proname::text as name, p.oid::regprocedure::text as call,
         coalesce(pg_catalog.replace(p.prosrc, E'\r\n', E'\n'), pg_catalog.pg_get_function_sqlbody(p.oid)) as source,
         pg_catalog.md5(pg_catalog.replace(p.prosrc, E'\r\n', E'\n')) as body,
         bare.body ~* '^\s*begin\s+return\s+(new|old|null)\s*;\s*end\s*;?\s*$' as does_nothing,
         bare.body !~* '\m(insert|update|delete|merge|perform|execute|call|from)\M'
         or bare.body ~* '\mbegin\s+raise\s+(?!notice\M|warning\M|info\M|log\M|debug\M)' as stops
    from pg_namespace n
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_proc'::regclass::oid
    join pg_proc p on p.oid = d.objid
   cross join lateral (select pg_catalog.regexp_replace(coalesce(nullif(p.prosrc, ''), pg_catalog.pg_get_function_sqlbody(p.oid), ''), '--[^\n]*|/\*.*?\*/', '', 'g') as body) as bare
   where n.nspname = current_schema() and p.prokind in ('f', 'p')
), adopted as materialized (
  select w.name, w.migration, w.vital, w.definition -> 'body'::text as bodies
    from expected_names w
   where w.kind = 'function' and w.state = 'adopted'
), other as materialized (
  select a.name, a.migration, a.vital,
         pg_catalog.bool_or(a.bodies ? (case when pg_catalog.length(p.source) <= 100 then p.source
                                             else 'md5:' || pg_catalog.md5(pg_catalog.convert_to(p.source, 'UTF8')) end)) as agrees,
         pg_catalog.max(p.source) as body
    from adopted a
    join present p on p.name = a.name
   group by a.name, a.migration, a.vital
), kept as materialized (
  select k.key as call, k.value as body
    from chatops.settings s
   cross join lateral pg_catalog.jsonb_each_text(case when pg_catalog.jsonb_typeof(s.value) = 'object' then s.value else '{}' end) as k
   where s.target_schema = current_schema() and s.key = 'functions'
), since as materialized (
  select p.name, p.oid, p.call, p.does_nothing, p.stops
    from present p
    join kept k on k.call = p.call
   where k.body <> p.body
), found as (
  select o.name as object, o.migration, case when o.agrees is not null then pg_catalog.jsonb_build_object('body', o.body) end as found_as,
         case when r.calls is null then 'it was so when the file was taken over' else 'it was replaced after the file was taken over' end as trouble,
         -- What a file makes only where it is absent is replaced by the files of the newest version.
         case when o.agrees is null then 'migrate --dry-run' else 'migrate --again ' || o.migration end as mend, coalesce(r.calls, '{}') as calls, r.calls is null as advice,
         o.vital and coalesce(r.stops, false) as critical
    from other o
   cross join lateral (select pg_catalog.array_agg(s.call order by s.call) as calls, pg_catalog.bool_and(s.stops) as stops from since s where s.name = o.name) as r
   where not coalesce(o.agrees, false) and (o.agrees is not null or r.calls is not null)
  union all
  -- The application's own, which its releases change, too.
  select s.name, 'the application', null, 'it does nothing any more', null, array[s.call], false, false
    from since s
   where s.does_nothing
     and exists (select from pg_trigger t where t.tgfoid = s.oid and not t.tgisinternal
                    -- Where our guards are, the application's triggers have nothing left to do.
                    and not exists (select from pg_trigger o where o.tgrelid = t.tgrelid and o.tgname::text like 'chatops\_%'))
     and not exists (select from expected_names w where w.kind = 'function' and w.name = s.name)
)
select 'function' as kind, f.object, f.migration, f.found_as, f.trouble, f.mend,
       case when f.advice then 'it was so when the file was taken over: both texts stand above'
            else pg_catalog.format('if it was meant so, let chatops forget how it was: update chatops.settings set value = value - %L::text[] where target_schema = %L and key = ''functions'';',
                                                     f.calls::text, current_schema()) end as forget, f.critical, f.advice
  from found f
 order by f.critical desc, f.advice, f.migration, f.object
