-- Which functions of the application run with their owner's rights and lack a search_path, or are open to everyone?
-- code: DB023
-- title: {count} privileged functions of the application can perhaps be abused
-- title-one: the application's privileged function {object} can perhaps be abused: {trouble}
-- severity: advice
-- group: now
-- expected: a function with its owner's rights sets its search_path, and only those may call it who need it
-- why: Postgres opens every new function to everyone, and the hosting's default privileges to its API roles
-- consequence: whoever may call it works with its owner's rights, on tables that the caller's own path chooses
-- help-text: a person decides, for it is the application's and a log-in page may call it as anon (used by {used_by}): {remedy}
-- says: somebody did what they may not
-- shares: privileged_functions, expected_names
-- avoids: mergejoin
-- Functions that policies call must stay open, and are not here.
\set privileged_functions `cat sql/checks/shared/privileged_functions.sql`
\set expected_names `cat sql/checks/shared/expected_names.sql`
with privileged_functions as materialized (:privileged_functions),
expected_names as materialized (:expected_names)
select p.proname as object, p.trouble,
       coalesce(nullif(pg_catalog.concat_ws('; ',
         (select 'functions ' || pg_catalog.string_agg(distinct f.proname::text, ', ') from pg_proc f
           where f.pronamespace = p.pronamespace and f.oid <> p.oid and f.prosrc ~ ('\m' || p.proname::text || '\s*\(')),
         (select 'defaults of ' || pg_catalog.string_agg(distinct d.adrelid::regclass::text, ', ') from pg_attrdef d
            join pg_depend u on u.classid = 'pg_attrdef'::regclass::oid and u.objid = d.oid and u.refobjid = p.oid),
         (select 'views ' || pg_catalog.string_agg(distinct w.ev_class::regclass::text, ', ') from pg_rewrite w
            join pg_depend u on u.classid = 'pg_rewrite'::regclass::oid and u.objid = w.oid and u.refobjid = p.oid),
         (select 'granted to ' || pg_catalog.string_agg(distinct pg_catalog.pg_get_userbyid(g.grantee)::text, ', ') from pg_catalog.aclexplode(p.proacl) as g
           where g.grantee not in (0, p.proowner))), ''), 'nothing in the database') as used_by,
       pg_catalog.concat_ws(' ', p.revoking,
         case when not p.has_path
              then pg_catalog.format('alter function %s set search_path = %I%s, pg_temp;', p.oid::regprocedure, current_schema(),
                          case when exists (select from pg_namespace where nspname = 'extensions') then ', extensions' else '' end)
              end) as remedy
  from privileged_functions p
 where not exists (select from expected_names w
                    where w.kind = 'function' and w.name = p.proname)
 order by p.proname, p.oid
