-- Which functions of the application run with their owner's rights and lack a search_path, or are open to everyone?
-- code: DB023
-- title: {count} privileged functions of the application can perhaps be abused
-- title-one: the application's privileged function {object} can perhaps be abused: {trouble}
-- severity: advice
-- group: now
-- expected: a function with its owner's rights sets its search_path, and only those may call it who need it
-- why: Postgres opens every new function to everyone, and the hosting's default privileges to its API roles
-- consequence: whoever may call it works with its owner's rights, on tables that the caller's own path chooses
-- help-text: it is the application's: see who calls it ({used_by}), for a log-in page may do so as anon; then: {remedy}
-- says: somebody did what they may not
-- Functions that policies call must stay open, and are not here.
select p.proname as object,
       pg_catalog.concat_ws('; ',
         case when not pinned.path then 'no search_path' end,
         case when pg_catalog.pg_get_function_result(p.oid) <> 'trigger' and open_to.roles <> '' then 'open to ' || pg_catalog.replace(open_to.roles, 'public', 'everybody') end) as trouble,
       coalesce(nullif(pg_catalog.concat_ws('; ',
         (select 'functions ' || pg_catalog.string_agg(distinct f.proname::text, ', ') from pg_proc f
           where f.pronamespace = p.pronamespace and f.oid <> p.oid and f.prosrc ~ ('\m' || p.proname || '\s*\(')),
         (select 'defaults of ' || pg_catalog.string_agg(distinct d.adrelid::regclass::text, ', ') from pg_attrdef d
            join pg_depend u on u.classid = 'pg_attrdef'::regclass and u.objid = d.oid and u.refobjid = p.oid),
         (select 'views ' || pg_catalog.string_agg(distinct w.ev_class::regclass::text, ', ') from pg_rewrite w
            join pg_depend u on u.classid = 'pg_rewrite'::regclass and u.objid = w.oid and u.refobjid = p.oid),
         (select 'granted to ' || pg_catalog.string_agg(distinct pg_catalog.pg_get_userbyid(g.grantee)::text, ', ') from pg_catalog.aclexplode(p.proacl) as g
           where g.grantee not in (0, p.proowner))), ''), 'nothing in the database') as used_by,
       pg_catalog.concat_ws(' ',
         case when pg_catalog.pg_get_function_result(p.oid) <> 'trigger' and open_to.roles <> ''
              then pg_catalog.format('revoke execute on function %s from %s;', p.oid::regprocedure, open_to.roles) end,
         case when not pinned.path
              then pg_catalog.format('alter function %s set search_path = %I%s, pg_temp;', p.oid::regprocedure, current_schema(),
                          case when exists (select from pg_namespace where nspname = 'extensions') then ', extensions' else '' end)
              end) as remedy
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 cross join lateral (
   select exists (select 1 from pg_catalog.unnest(p.proconfig) setting where setting like 'search_path=%') as path
 ) as pinned
 cross join lateral (
   select coalesce(pg_catalog.string_agg(r.name, ', ' order by r.name), '') as roles
     from (
       select 'public' as name
         from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as granted
        where granted.grantee = 0 and granted.privilege_type = 'EXECUTE'
       union all
       select pg_catalog.quote_ident(r.rolname)
         from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as granted
         join pg_roles r on r.oid = granted.grantee
        where granted.privilege_type = 'EXECUTE'
          -- An operator logs in as authenticated and asks for the next chat: that one checks who asks.
          and (r.rolname = 'anon' or (r.rolname = 'authenticated' and p.proname not like 'assign_chat%'))
     ) as r
 ) as open_to
 where n.nspname = current_schema()
   and p.prosecdef
   and (not pinned.path or (pg_catalog.pg_get_function_result(p.oid) <> 'trigger' and open_to.roles <> ''))
   and not exists (select 1 from pg_depend d
                    where d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
                      and (d.classid = 'pg_policy'::regclass or d.deptype = 'e'))
   and not exists (select 1 from pg_depend d
                    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
   and not exists (select from pg_catalog.jsonb_to_recordset(:'expected'::jsonb) as w (kind text, name text)
                    where w.kind = 'function' and w.name = p.proname)
 order by p.proname, p.oid
